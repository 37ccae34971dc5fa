// The runtime "quill": talks in files. What a program registers so that all six commands know it.
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import {
  eventLedgers,
  selectEvents,
  selectSessions,
  withLedgers,
  type AnyRecord,
  type Classification,
  type Deps,
  type Home,
  type PathRecord,
  type Root,
  type Runtime,
  type Source,
} from "../../../lib/index.ts";
import { eventRecords, isNamed, sessionRecord, sessionUsage, toolRecords, turnRecords } from "./records.ts";
import { isTalkId, readTalk, talkIds, talkName, talkOfName, TALKS, type Talk } from "./talks.ts";

const MARKER = "quill.json";

/** All that is loaded of it before one of its homes is met. */
export const quill: Runtime = {
  runtime: "quill",
  names: [".quill"],
  markers: MARKER,
  detect: (root) => existsSync(join(root, MARKER)),
  defaultRoots: ({ env }) => [{ dir: env["QUILL_HOME"] ?? join(env["HOME"] ?? "/", ".quill"), label: "QUILL_HOME" }],
  load: () => Promise.resolve(source),
};

const existing = ({ root }: Home): Talk[] =>
  talkIds(root)
    .map((id) => readTalk(root, id))
    .filter((talk) => talk !== undefined);

/** The talks that the records of a filter are of, in that order. */
async function* talksOf(home: Home, filter: Parameters<Source["sessions"]>[1], deps: Deps): AsyncGenerator<Talk> {
  for await (const { id } of source.sessions(home, filter, deps)) {
    const talk = readTalk(home.root, id);
    if (talk) yield talk;
  }
}

export const source: Source = {
  ...quill,
  can: new Set(["archive", "reconcile", "ledger", "vacuum", "liveness", "usage", "turn", "tool"]),
  cannot: {
    row: "its talks are files: there is no table",
    runs: "its talks are retired by agh-vacuum sessions",
    hook_run: "quill has no hooks at all",
    permission: "quill never asks for permission",
    process: "quill records no process but its own",
    workspace: "quill knows no workspaces",
    vault_ref: "quill keeps no secrets",
    failure: "quill records no failures; a talk that did not end is dead",
  },
  state: ({ root }) => ({ alive: null, version: "1", catalog_bytes: statSync(join(root, MARKER)).size }),
  sessions: (home, filter, deps) => {
    const all = existing(home).map((talk) => sessionRecord(home, talk, "file", deps));
    return withLedgers(home, iterate(selectSessions(all, filter, deps.log)));
  },
  events: (home, id, range) => {
    const talk = readTalk(home.root, id);
    return selectEvents(talk ? eventRecords(home, talk) : [], range);
  },
  async *usage(home, filter, deps) {
    for await (const talk of talksOf(home, filter, deps)) yield sessionUsage(talk);
  },
  async *records(home, kind, { sessions = {}, names, outcomes }, deps): AsyncGenerator<AnyRecord> {
    for await (const talk of talksOf(home, sessions, deps)) {
      if (kind === "turn") yield* turnRecords(home, talk);
      if (kind !== "tool") continue;
      yield* toolRecords(home, talk).filter((record) => isNamed(record, names) && isNamed(record, outcomes, "outcome"));
    }
  },
  custody: async () => (await import("./custody.ts")).custody,
  repairer: async () => (await import("./repairer.ts")).repairer,
  ledgers: () => Promise.resolve(eventLedgers(source)),
  roots: (home) => Promise.resolve([{ name: "home", dir: home.root }, ...atticOf(home)]),
  wellKnown: (root) => (root === "home" ? [MARKER, TALKS] : []),
  classify: (root, path, type) => (root === "attic" ? { class: "memory", scope: "global" } : classify(path, type)),
  sessionLayout: {
    top: (id) => (isTalkId(id) ? `${TALKS}/${talkName(id)}` : undefined),
    idOf: (path) => (path.startsWith(`${TALKS}/`) ? talkOfName(basename(path)) : undefined),
    owns: (id, root, path) =>
      root === "home" && (path === `${TALKS}/${talkName(id)}` || `${path}/`.startsWith(`.agh-ledgers/${id}/`)),
  },
};

/** Where old notes lie, if its settings name a place outside; of a copy what was put beside it. */
function atticOf({ root, live }: Home): Root[] {
  const { attic } = JSON.parse(readFileSync(join(root, MARKER), "utf8")) as { readonly attic?: string };
  const dir = live ? attic : join(root, ".agh-toolkit/outside/attic");
  return dir !== undefined && existsSync(dir) ? [{ name: "attic", dir }] : [];
}

async function* iterate<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function classify(path: string, type: PathRecord["type"]): Classification {
  const never =
    type === "symlink" || type === "socket" || type === "fifo" || type === "device" ? `a ${type}` : undefined;
  const own = placeOf(path);
  return never === undefined ? own : { ...own, never };
}

function placeOf(path: string): Classification {
  const [top] = path.split("/");
  if (path === "") return { class: "home", scope: "global" };
  if (top === TALKS) return { class: "sessions", scope: "session" };
  if (top === ".agh-ledgers") return { class: "ledgers", scope: "session" };
  if (top === ".agh-toolkit") return { class: "toolkit", scope: "global", never: "the toolkit's own state" };
  return { class: path === MARKER ? "config" : "other", scope: "global" };
}
