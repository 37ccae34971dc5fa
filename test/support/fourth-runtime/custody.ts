// How a talk in a file is taken out of its home and put back: the file itself, and the ledger that is kept beside.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  fingerprintOf,
  freedBytes,
  ledgerDirOf,
  listOwnPaths,
  movablePaths,
  ToolError,
  type Custody,
  type EventFacts,
  type FoundEvents,
  type Home,
  type HomeCustody,
  type LocalSession,
  type OwnTree,
  type SessionRecord,
} from "../../../lib/index.ts";
import { isTalkId, parseTalk, talkFile, talkName, TALKS, type Talk } from "./talks.ts";

export const custody: Custody = {
  open: (home) => Promise.resolve(new TalkCustody(home)),
  events: (parts) => parts.withFile(`session/${talkName(parts.id)}`, (file) => foundEvents(parts.id, file)),
  rowExecutor: () => ({ insert: () => ({ inserted: 0, renumbered: 0 }) }),
  extractRows: (root) => {
    mkdirSync(join(root, TALKS), { recursive: true, mode: 0o700 });
    writeFileSync(join(root, "quill.json"), '{"format":1}\n');
  },
};

class TalkCustody implements HomeCustody {
  readonly home: Home;

  constructor(home: Home) {
    this.home = home;
  }

  reasonAgainst({ effective, problem }: SessionRecord): string | undefined {
    return problem ?? reasonAgainst(effective);
  }

  inspect(session: SessionRecord): LocalSession | undefined {
    const { id } = session;
    const trees = this.trees(id).filter(({ dir }) => existsSync(dir));
    const { paths, unexpected } = listOwnPaths(trees);
    if (paths.length === 0) return undefined;
    const own = movablePaths({ trees, paths });
    return {
      id,
      session,
      trees,
      paths,
      unexpected,
      partition: null,
      rows: {},
      bytes: freedBytes(own),
      fingerprint: fingerprintOf(own),
    };
  }

  rows(ids: readonly string[]): ReturnType<HomeCustody["rows"]> {
    const schema = { version: "1", sha256: createHash("sha256").update("").digest("hex") };
    return { schema, of: new Map(ids.map((id) => [id, { lines: "", counts: {} }])) };
  }

  async events({ id }: LocalSession): Promise<FoundEvents> {
    return foundEvents(id, talkFile(this.home.root, id));
  }

  trees(id: string): readonly OwnTree[] {
    if (!isTalkId(id)) throw hostile(id);
    const { root } = this.home;
    return [
      { part: "session", dir: join(root, TALKS), only: [talkName(id)] },
      ...ledgerDirOf(root, id).map((dir): OwnTree => ({ part: "ledger", dir, stays: true })),
    ];
  }

  compareRows: HomeCustody["compareRows"] = (sessions) =>
    Promise.resolve(sessions.map(() => ({ state: "present" as const })));
}

/** Of what is effectively so a session must not go. */
export function reasonAgainst(effective: SessionRecord["effective"]): string | undefined {
  if (effective === "running" || effective === "unknown") return "it may still be written to";
  return effective === "dead" ? "it did not end: agh-reconcile plan" : undefined;
}

const foundEvents = (id: string, file: string): FoundEvents => ({ events: factsOf(parseTalk(id, readFileSync(file))) });

export function factsOf({ entries, lines }: Talk): EventFacts | null {
  if (entries.length === 0) return null;
  return {
    count: entries.length,
    first_sequence: 1,
    last_sequence: entries.length,
    last_event_at: entries.at(-1)!.at,
    sha256: createHash("sha256").update(lines.slice(1).join("\n")).digest("hex"),
  };
}

const hostile = (id: string): ToolError =>
  new ToolError({ code: "E_HOSTILE_ARCHIVE", message: `${JSON.stringify(id)} cannot be the id of a talk`, exit: 4 });
