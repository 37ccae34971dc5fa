// Makes a whole AGH home: any number of sessions and events, the same bytes for the same seed.
import fs from "node:fs";
import path from "node:path";
import { createCatalog } from "./catalog.ts";
import { randomOf } from "./random.ts";
import { crashBundlePath, markWal, settle, writeSession } from "./session-files.ts";
import type { SessionPlan } from "./sessions.ts";
import { NOW_MS, planSessions, planWorkspaces } from "./sessions.ts";
import { makeLayout, writeSurroundings } from "./surroundings.ts";
import { instantOf } from "./time.ts";
import type { Moments } from "./meta.ts";

const DAY_MS = 86_400_000;
const RETENTION_DAYS = 7;
const NOW_SECONDS = NOW_MS / 1000;

export interface HomeOptions {
  readonly sessions?: number;
  /** Events of each session. */
  readonly events?: number;
  readonly seed?: number;
  readonly workspaces?: number;
  /** Where they lie; made. Beside the home unless given. */
  readonly projects?: string;
  /** How many sessions are still active, their rows in the -wal only, and no process. */
  readonly live?: number;
  /** The sessions began over so many days before 2026-11-21. */
  readonly days?: number;
  readonly ledgers?: boolean;
}

export interface MadeHome {
  readonly home: string;
  readonly seed: number;
  readonly sessions: number;
  readonly events: number;
  readonly live: number;
  /** In order of creation. */
  readonly ids: readonly string[];
}

/** `home` must not exist, or be empty. */
export function makeHome(home: string, options: HomeOptions = {}): MadeHome {
  const settings = { sessions: 3, events: 20, seed: 1, workspaces: 3, live: 0, days: 60, ledgers: true, ...options };
  if (settings.workspaces < 1 || settings.live > settings.sessions)
    throw new RangeError("at least one workspace is needed, and at most as many live sessions as sessions");
  makeLayout(home);
  const random = randomOf(settings.seed, "home");
  const catalog = openCatalog(home, settings);
  const workspaces = planWorkspaces({ projects: path.join(path.dirname(path.resolve(home)), "projects"), ...settings });
  for (const workspace of workspaces) {
    fs.mkdirSync(workspace.root, { recursive: true });
    catalog.workspace(workspace);
  }
  const ids: string[] = [];
  for (const plan of planSessions(workspaces, settings)) {
    const rows = catalog.session();
    const moments = writeSession(plan, {
      home,
      seed: settings.seed,
      ledgers: settings.ledgers,
      onEvent: (it) => rows.event(plan, it),
    });
    rows.save(plan, moments, writeCrashBundle(home, plan, moments));
    if (ids.push(plan.id) === 1) catalog.vaultRef(`vault:sessions/${plan.id}/github-token`, "token", plan.created);
  }
  catalog.vaultRef("vault:providers/acpmock/api-key", "api_key", instantOf(NOW_MS - settings.days * DAY_MS));
  catalog.close();
  writeSurroundings(home, random, NOW_MS - settings.days * DAY_MS);
  finishCatalogFile(home);
  settleHome(
    home,
    ids,
    workspaces.map((it) => it.id),
  );
  return {
    home,
    seed: settings.seed,
    sessions: ids.length,
    events: ids.length * settings.events,
    live: settings.live,
    ids,
  };
}

function openCatalog(home: string, settings: { seed: number; days: number }): ReturnType<typeof createCatalog> {
  const applied = instantOf(NOW_MS - (settings.days + 1) * DAY_MS);
  const kept = instantOf(NOW_MS - RETENTION_DAYS * DAY_MS);
  return createCatalog(path.join(home, "agh.db"), randomOf(settings.seed, "catalog"), { applied, kept });
}

/** AGH leaves an empty -wal and a -shm beside agh.db, also after a stop in order. */
function finishCatalogFile(home: string): void {
  const file = path.join(home, "agh.db");
  markWal(file);
  fs.writeFileSync(`${file}-wal`, "");
  fs.writeFileSync(`${file}-shm`, Buffer.alloc(32768));
  for (const suffix of ["", "-wal", "-shm"]) fs.chmodSync(file + suffix, 0o600);
}

function writeCrashBundle(home: string, plan: SessionPlan, moments: Moments): string | undefined {
  const failure = plan.stop?.failure;
  if (failure?.kind !== "process_exit") return undefined;
  const claimed = crashBundlePath(plan, moments);
  const bundle = {
    schema: "agh.session_crash_bundle.v1",
    session_id: plan.id,
    agent_name: plan.agent,
    provider: "acpmock",
    state: "active",
    failure: { ...failure, crash_bundle_path: claimed },
    process: { pid: plan.pid, command: "/usr/local/bin/mock-acp", args: [plan.agent], cwd: plan.workspace.root },
    error: plan.stop?.detail,
    stderr: "boom\n",
    created_at: new Date(moments.updated.seconds * 1000).toISOString(),
  };
  const directory = path.join(home, "logs", "crash-bundles");
  fs.mkdirSync(directory, { recursive: true });
  const file = path.join(directory, path.basename(claimed));
  fs.writeFileSync(file, `${JSON.stringify(bundle, undefined, 2)}\n`);
  settle(file, moments.updated.seconds, 0o600);
  return claimed;
}

/** Modes and times of everything but the sessions, whose files have their own. */
function settleHome(home: string, ids: readonly string[], workspaces: readonly string[]): void {
  const own = new Set(ids);
  for (const name of workspaces) {
    const directory = path.join(home, "sessions", name);
    if (fs.existsSync(directory)) settle(directory, NOW_SECONDS, 0o755);
    own.add(name);
  }
  const visit = (directory: string): void => {
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
      const file = path.join(directory, entry.name);
      if (own.has(entry.name) || entry.name.includes("-process_exit-")) continue;
      if (entry.isDirectory()) visit(file);
      else fs.utimesSync(file, NOW_SECONDS, NOW_SECONDS);
    }
    settle(directory, NOW_SECONDS, path.basename(path.dirname(directory)) === "agents" ? 0o755 : 0o700);
  };
  visit(home);
}
