// The prediction of AGH's own boot: whether it comes up, and what it would do to the home on the way.
import type { Deps } from "../../../records/deps.ts";
import type { Boot } from "../../../records/result-kinds.ts";
import type { Home } from "../../source.ts";
import { predictBootCatalog, type BootCatalog, type BootChange } from "./boot-catalog.ts";
import { findEarlyRefusals } from "./boot-refusals.ts";
import { predictBootSessions } from "./boot-sessions.ts";
import { readConfigTable, readConfig } from "../home/config.ts";
import { processAlive } from "../home/liveness.ts";

/**
 * Reads everything that AGH reads, and touches nothing. `refusals` are in AGH's order, each led by a stable code.
 * Of a copy (`home.live` false) neither processes nor the length of its path are judged.
 */
export async function predictBoot(home: Home, deps: Deps): Promise<Boot> {
  const early = await findEarlyRefusals(home, deps);
  const catalog = predictBootCatalog(home.root, await readSweepCutoff(home.root, deps), deps);
  if (catalog.refusal !== undefined) early.push(catalog.refusal);
  // So far AGH has done nothing but chmod.
  if (early.length > 0) return record(home, early, []);
  const sessions = predictBootSessions(home, catalog, deps);
  const late = [...(await socketRefusals(home, deps)), ...sessions.refusals];
  const changes = [...catalog.changes, ...staleProcesses(home, catalog, deps), ...sessions.repairs];
  // The catalog is brought up to date at the very end, all of it or nothing.
  return record(home, late, late.length > 0 ? changes : [...changes, ...sessions.reconciled]);
}

const record = (home: Home, refusals: readonly string[], changes: readonly BootChange[]): Boot => ({
  kind: "boot",
  runtime: "agh",
  home: home.place,
  starts: refusals.length === 0,
  refusals,
  changes,
});

/** AGH's retention deletes what is older at every boot; its default is seven days. */
export async function readSweepCutoff(root: string, { now }: Pick<Deps, "now">): Promise<string | undefined> {
  // A config that cannot be read is a refusal already.
  const toml = await readConfigTable(root).catch(() => undefined);
  const { enabled = true, retention_days: days = 7 } = (toml?.["observability"] ?? {}) as { [key: string]: unknown };
  if (!toml || enabled === false || typeof days !== "number" || days <= 0) return undefined;
  const before = new Date(now().getTime() - days * 86_400_000);
  return Number.isNaN(before.getTime()) ? undefined : before.toISOString().replace("Z", "000000Z");
}

/** Bytes of a socket's path that AGH accepts. */
const LONGEST_SOCKET = 103;

async function socketRefusals({ root, live }: Home, deps: Deps): Promise<string[]> {
  if (!live) return [];
  const { socket } = await readConfig(root, deps);
  const length = Buffer.byteLength(socket);
  if (length <= LONGEST_SOCKET) return [];
  return [`SOCKET_TOO_LONG: ${socket} has ${length} bytes, AGH takes ${LONGEST_SOCKET}: set [daemon].socket`];
}

function staleProcesses(home: Home, { processes }: BootCatalog, deps: Deps): BootChange[] {
  const changes: BootChange[] = [];
  for (const { id, pid, state, started_at, command, acp_session_id } of processes) {
    const matches = home.live && started_at !== null && processAlive(pid, started_at, deps) === true;
    if (!matches) changes.push({ id, change: "stale", from: state, pid, command, acp_session_id });
    else if (state !== "running") changes.push({ id, change: "running", from: state, pid, command, acp_session_id });
  }
  return changes.sort((a, b) => (a.id < b.id ? -1 : 1));
}
