// A runtime of one's own, in strict TypeScript: notes, one JSON Lines file a session. Reading is all that it can do.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import {
  registerSource,
  selectEvents,
  selectSessions,
  type EventRecord,
  type Home,
  type RuntimeMarkers,
  type SessionRecord,
  type Source,
} from "agh-toolkit";

const markers: RuntimeMarkers = {
  runtime: "notes",
  markers: "notes.json",
  detect: (root) => existsSync(`${root}/notes.json`),
  defaultRoots: () => [],
};

const sessionOf = ({ runtime, place: home }: Home, id: string): SessionRecord => ({
  kind: "session",
  runtime,
  home,
  id,
  agent_name: null,
  workspace_id: null,
  state: "stopped",
  effective: "stopped",
  state_from: "meta",
  resumable: { ok: false, reason: "notes are never continued" },
  has: { row: false, dir: true, meta: true, events: true, ledger: false, archive: false },
  created_at: null,
  updated_at: null,
});

function* eventsOf({ runtime, place: home, root }: Home, session_id: string): Generator<EventRecord> {
  const lines = readFileSync(`${root}/${session_id}.jsonl`, "utf8").trim().split("\n");
  for (const [at, line] of lines.entries()) {
    const about = {
      kind: "event" as const,
      runtime,
      home,
      id: `${session_id}:${at + 1}`,
      session_id,
      sequence: at + 1,
    };
    yield { ...about, turn_id: null, type: "note", agent_name: null, content: JSON.parse(line), timestamp: null };
  }
}

const source: Source = {
  ...markers,
  can: new Set(),
  state: () => ({ alive: null, version: null, catalog_bytes: 0 }),
  async *sessions(home, filter, { log }) {
    const names = readdirSync(home.root).filter((name) => name.endsWith(".jsonl"));
    const ids = names.map((name) => name.slice(0, -".jsonl".length)).sort();
    yield* selectSessions(
      ids.map((id) => sessionOf(home, id)),
      filter,
      log,
    );
  },
  events: (home, id, range) => selectEvents(eventsOf(home, id), range),
  roots: ({ root }) => Promise.resolve([{ name: "home", dir: root }]),
  wellKnown: () => ["notes.json"],
  classify: (_root, path) => ({ class: path === "notes.json" ? "config" : "sessions", scope: "session" }),
};

registerSource({ ...markers, load: () => Promise.resolve(source) });
