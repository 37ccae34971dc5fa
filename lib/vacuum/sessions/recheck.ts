// Holds a planned retirement against the home again, while nobody else changes it: drift, life, clocks, and every gate.
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { createCollector } from "../../files/memory.ts";
import { osPath } from "../../files/os-path.ts";
import type { SessionHome } from "../../places/session-home.ts";
import { doubtAbout } from "../../policy/retirement.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { archiveDir } from "../../sources/agh/home/layout.ts";
import { requireText, type RemovalContext } from "../removal-types.ts";
import { inspectLocalSession, trashRefusal, type LocalSession } from "../local-session.ts";
import { parseGateName, Gates, isKeptElsewhere, type GateName, type GateProof } from "../gates/gates.ts";

/** A session that goes, with what proved that it may. */
export interface ApprovedSession extends LocalSession {
  readonly action: Action;
  readonly proof: GateProof;
  /** At once; else to the trash. */
  readonly isPermanent: boolean;
}

export type Recheck = (action: Action) => Promise<ApprovedSession | { readonly refused: string }>;

interface Known {
  readonly from: SessionHome;
  readonly records: ReadonlyMap<string, SessionRecord>;
}

/** Gates read every byte of a session and of what proves that it is kept. */
export function createRecheck({ from, records }: Known, { home, scratch, deps }: RemovalContext): Recheck {
  const made = new Map<string, Gates>();
  const collect = createCollector(8 << 20);
  const gatesFor = ({ archive, snapshot }: GateProof): Gates => {
    const world = { home, scratch, deps, archive: archive?.target ?? archiveDir(home.root), repo: snapshot?.repo };
    const key = `${world.archive}\0${world.repo}`;
    const gates = made.get(key) ?? new Gates(world);
    made.set(key, gates);
    return gates;
  };
  return async (action) => {
    const requirement = parseRequirement(action);
    const record = records.get(requireText(action, "subject", "session_id"));
    const local = record?.has.dir ? inspectLocalSession(from, record) : undefined;
    if (!local) return { refused: "its directory does not exist any more" };
    const against =
      driftOf(action, local) ??
      from.reasonAgainst(local.session) ??
      doubtAbout(timesOf(local.session), deps.now()) ??
      immovable(local) ??
      (requirement.isPermanent ? undefined : trashRefusal(local));
    if (against !== undefined) return { refused: against };
    const answer = await gatesFor(requirement.proof).verify(requirement.gates, local, requirement.proof);
    collect(2 * local.bytes);
    return "refused" in answer ? answer : { ...local, action, ...requirement };
  };
}

/** What could not be taken out would leave the run unfinished, and every later one with it. */
function immovable({ dir, ledgerDir }: LocalSession): string | undefined {
  const paths = [dir, dirname(dir), ...(ledgerDir === undefined ? [] : [ledgerDir, dirname(ledgerDir)])];
  const fixed = paths.find((path) => !mayWrite(path));
  return fixed === undefined ? undefined : `${fixed} is not writable: check its owner and mode`;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(osPath(path), constants.W_OK);
    return true;
  } catch {
    return false; // whatever the reason, it is no place to take something away from
  }
}

export const timesOf = ({ last_event_at, created_at, updated_at }: SessionRecord) => ({
  last: last_event_at ?? null,
  created: created_at ?? null,
  updated: updated_at ?? null,
});

function driftOf(
  action: Action,
  { dir, ledgerDir, fingerprint, unexpected: strange }: LocalSession,
): string | undefined {
  const { path, ledger } = action.subject as { readonly path?: unknown; readonly ledger?: unknown };
  const isSame = requireText(action, "expect", "fingerprint") === fingerprint && path === dir && ledger === ledgerDir;
  if (!isSame) return "it has changed since the plan";
  return strange[0] && `${strange[0].path} in it is not part of a session: ${strange[0].reason}`;
}

interface RemovalRequirement {
  readonly gates: readonly GateName[];
  readonly proof: GateProof;
  readonly isPermanent: boolean;
}

/** A plan may have been edited: nothing goes at once but what is kept elsewhere, and that is asked again. */
function parseRequirement(action: Action): RemovalRequirement {
  const { require, to, archive, snapshot, seal } = action.subject as { readonly [name: string]: unknown };
  const proof = {
    ...(archive !== undefined && { archive }),
    ...(snapshot !== undefined && { snapshot }),
    ...(seal !== undefined && { seal }),
  } as GateProof;
  const isPermanent = to === "nowhere";
  const isPlan =
    Array.isArray(require) && require.length > 0 && (isPermanent ? isKeptElsewhere(proof) : to === "trash");
  const isProof = isPlace(archive, "target", "sha256") && isPlace(snapshot, "repo", "id") && isPlace(seal, "root");
  if (!isPlan || !isProof)
    throw usageError(
      `the action ${action.verb} ${String(action.id)} of the plan does not name the proof that allows it`,
      "agh-vacuum sessions --json > PLAN",
    );
  const gates = new Set((require as unknown[]).map((name) => parseGateName(String(name))));
  if (isPermanent) gates.add(proof.archive ? "archived" : "backed-up");
  return { gates: [...gates], proof, isPermanent };
}

const isPlace = (value: unknown, ...names: readonly string[]): boolean =>
  value === undefined ||
  (typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as { [name: string]: unknown })[name] === "string"));
