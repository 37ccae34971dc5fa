// The runtime "quill-rows": the same talks, as rows of one SQLite database.
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  eventLedgers,
  noteCut,
  readDatabase,
  selectEvents,
  selectSessions,
  tableRecords,
  withLedgers,
  type AnyRecord,
  type Classification,
  type Deps,
  type Home,
  type HomeCut,
  type PathRecord,
  type Runtime,
  type Source,
} from "../../../../lib/index.ts";
import { linesOf, makeTalks, type MadeTalk } from "../make.ts";
import { eventRecords, isNamed, sessionRecord, sessionUsage, toolRecords, turnRecords } from "../records.ts";
import { endOf, type Talk } from "../talks.ts";
import { DATABASE, databaseFile, readTalks, SCHEMA } from "./database.ts";

export const quillRows: Runtime = {
  runtime: "quill-rows",
  markers: DATABASE,
  detect: (root) => existsSync(databaseFile(root)),
  defaultRoots: () => [],
  load: () => Promise.resolve(source),
};

async function* talksOf(home: Home, filter: Parameters<Source["sessions"]>[1], deps: Deps): AsyncGenerator<Talk> {
  const talks = new Map(readTalks(home, deps).map((talk) => [talk.id, talk]));
  for await (const { id } of source.sessions(home, filter, deps)) yield talks.get(id)!;
}

export const source: Source = {
  ...quillRows,
  can: new Set(["archive", "reconcile", "ledger", "vacuum", "liveness", "usage", "turn", "tool", "failure", "row"]),
  cannot: {
    runs: "its talks are retired by agh-vacuum sessions",
    hook_run: "quill has no hooks at all",
    permission: "quill never asks for permission",
    process: "quill records no process but its own",
    workspace: "quill knows no workspaces",
    vault_ref: "quill keeps no secrets",
  },
  state: ({ root }) => ({ alive: null, version: "1", catalog_bytes: statSync(databaseFile(root)).size }),
  sessions: (home, filter, deps) => {
    const all = readTalks(home, deps).map((talk) => sessionRecord(home, talk, "rows", deps));
    return withLedgers(home, iterate(selectSessions(all, filter, deps.log)));
  },
  events: (home, id, range, deps) => {
    const [talk] = readTalks(home, deps, id);
    return selectEvents(talk ? eventRecords(home, talk) : [], range);
  },
  async *usage(home, filter, deps) {
    for await (const talk of talksOf(home, filter, deps)) yield sessionUsage(talk);
  },
  async *records(home, kind, query, deps): AsyncGenerator<AnyRecord> {
    const { sessions = {}, names, outcomes, name, order } = query;
    if (kind === "row") {
      const identity = { runtime: home.runtime, home: home.place };
      const rows = readDatabase(databaseFile(home.root), deps, (db) => [
        ...tableRecords(db, { name, order }, identity, () => false),
      ]);
      return yield* rows;
    }
    for await (const talk of talksOf(home, sessions, deps)) {
      if (kind === "turn") yield* turnRecords(home, talk);
      if (kind === "failure" && !endOf(talk)) yield failureRecord(home, talk);
      if (kind !== "tool") continue;
      yield* toolRecords(home, talk).filter((record) => isNamed(record, names) && isNamed(record, outcomes, "outcome"));
    }
  },
  custody: async () => (await import("./custody.ts")).custody,
  repairer: async () => (await import("./repairer.ts")).repairer,
  ledgers: () => Promise.resolve(eventLedgers(source)),
  roots: ({ root }) => Promise.resolve([{ name: "home", dir: root }]),
  wellKnown: (root) => (root === "home" ? [DATABASE] : []),
  classify: (_root, path, type) => classify(path, type),
  cut: (home) => Promise.resolve(takeCut(home)),
};

const failureRecord = ({ runtime, place }: Home, { id, head, entries }: Talk): AnyRecord => ({
  kind: "failure",
  runtime,
  home: place,
  id,
  agent_name: head?.agent ?? null,
  failure_kind: "unfinished",
  failed_at: entries.at(-1)?.at ?? null,
  summary: "it did not end",
  last_event: null,
  stderr_tail: null,
  crash_bundle: null,
  stop_reason: null,
  stop_detail: null,
  session_id: id,
});

async function* iterate<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function classify(path: string, type: PathRecord["type"]): Classification {
  const [top] = path.split("/");
  if (path === "") return { class: "home", scope: "global" };
  if (path === DATABASE && type === "file") return { class: "catalog", scope: "global", database: "catalog" };
  if (path === `${DATABASE}-shm`) return { class: "catalog", scope: "global", never: "the index of a WAL" };
  if (path.startsWith(DATABASE)) return { class: "catalog", scope: "global" };
  if (top === ".agh-ledgers") return { class: "ledgers", scope: "session" };
  if (top === ".agh-toolkit") return { class: "toolkit", scope: "global", never: "the toolkit's own state" };
  return { class: "other", scope: "global" };
}

/** Undefined where nothing lies in a WAL: then nothing moves. */
function takeCut({ root, live }: Home): HomeCut | undefined {
  const at = new Date();
  const cut = noteCut(databaseFile(root));
  if (!live || !cut.main || !cut.wal) return undefined;
  const databases = new Map([[DATABASE, cut]]);
  return { at, skewMs: 0, copies: new Map(), databases, files: new Map(), excludes: () => undefined };
}

/** A home at `root`, which must not exist; each talk rows. */
export function makeRowsHome(root: string, talks: readonly MadeTalk[] = makeTalks(6)): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(root, DATABASE));
  db.exec(SCHEMA);
  const talk = db.prepare("INSERT INTO talks (id, at, parent, head) VALUES (?, ?, ?, ?)");
  const entry = db.prepare("INSERT INTO entries (talk_id, at, line) VALUES (?, ?, ?)");
  for (const made of talks) {
    const [head, ...lines] = linesOf({ ...made, torn: "" })
      .split("\n")
      .slice(0, -1);
    talk.run(made.head.talk, made.head.at, made.head.parent ?? null, head!);
    for (const [at, line] of lines.entries()) entry.run(made.head.talk, made.entries[at]!.at, line);
  }
  db.close();
}
