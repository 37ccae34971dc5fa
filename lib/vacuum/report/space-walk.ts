// One walk over a home: bytes by kind of file, and of each session what it has and what of its databases is free.
import { joinPath } from "../../files/os-path.ts";
import { walk } from "../../files/walk.ts";
import { readFreeBytes } from "../../sqlite/read/table-space.ts";
import { EVENTS, LEDGER } from "../../sources/agh/home/layout.ts";
import type { Home, Root, Source } from "../../sources/source.ts";

export interface KindSpace {
  items: number;
  bytes: number;
}

export interface SessionSpace {
  /** Its directory. */
  bytes: number;
  events: number;
  /** Of free pages in events.db. */
  free: number;
  ledger: number;
}

export interface HomeSpace {
  readonly kinds: ReadonlyMap<string, KindSpace>;
  /** By the name of the session's directory. */
  readonly sessions: ReadonlyMap<string, SessionSpace>;
  /** Bytes of evidence files, by path. */
  readonly evidence: ReadonlyMap<string, number>;
  /** Ids of sessions that have a receipt in session-archive. */
  readonly archived: ReadonlySet<string>;
}

/** The home's own tree, and the ledgers' where they lie elsewhere. Opens each events.db for its first 100 bytes only. */
export function walkHome(home: Home, roots: readonly Root[], source: Source): HomeSpace {
  const all = new Walked(home);
  for (const { name, dir, only } of roots) {
    if (name !== "home" && name !== "ledgers") continue;
    for (const { path, type, stat } of walk(dir, { unreadable: () => undefined, ...(only && { only }) })) {
      if (type === "file") all.add({ root: name, dir, path, size: Number(stat.size) }, source);
    }
  }
  return all;
}

interface FileAt {
  readonly root: string;
  readonly dir: string;
  readonly path: string;
  readonly size: number;
}

/** `sessions/<name>/<file>`, and `sessions/<partition>/<name>/ledger.…` */
const IN_SESSION = /^sessions\/([^/]+)\/(?:[^/]+\/)*?([^/]+)$/;
const IN_LEDGERS = /(?:^|\/)([^/]+)\/ledger\.(?:jsonl|seal)$/;

class Walked implements HomeSpace {
  readonly kinds = new Map<string, KindSpace>();
  readonly sessions = new Map<string, SessionSpace>();
  readonly evidence = new Map<string, number>();
  readonly archived = new Set<string>();
  #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  add(file: FileAt, source: Source): void {
    const kind = this.#kindOf(file, source);
    const sum = this.kinds.get(kind) ?? { items: 0, bytes: 0 };
    sum.items++;
    sum.bytes += file.size;
    this.kinds.set(kind, sum);
  }

  #kindOf(file: FileAt, source: Source): string {
    const { root, path, size } = file;
    if (this.#home.runtime !== "agh") return toolkitKind(path) ?? source.classify(root, path, "file").class;
    if (path.includes(".corrupt.")) this.evidence.set(path, size);
    if (root === "ledgers" || path.endsWith(`/${LEDGER}`) || path.endsWith("/ledger.seal")) return this.#ledger(file);
    if (path.startsWith("sessions/")) return this.#session(file);
    const own = toolkitKind(path);
    if (own !== undefined) return own;
    if (path.startsWith("session-archive/")) {
      const id = /^session-archive\/([^/]+)\.receipt\.json$/.exec(path)?.[1];
      if (id !== undefined) this.archived.add(id);
      return "archives";
    }
    if (path.startsWith("agh.db-")) return "agh.db-wal";
    if (path === "agh.db") return path;
    return path.startsWith("logs/crash-bundles/") ? "crash-bundles" : source.classify(root, path, "file").class;
  }

  #ledger({ path, size }: FileAt): string {
    const id = IN_LEDGERS.exec(path)?.[1];
    if (id !== undefined) this.#sessionOf(id).ledger += size;
    return "ledgers";
  }

  #session({ path, size }: FileAt): string {
    const [, name, file] = IN_SESSION.exec(path) ?? [];
    if (!name || !file) return "sessions";
    const session = this.#sessionOf(name);
    session.bytes += size;
    if (file === EVENTS) {
      session.events = size;
      session.free = size > 0 ? readFreeBytes(joinPath(this.#home.root, path)) : 0;
      return EVENTS;
    }
    if (file.includes(".corrupt.")) return "evidence";
    if (file.startsWith(`${EVENTS}-`)) return `${EVENTS}-wal`;
    return file === "meta.json" ? file : "sessions";
  }

  #sessionOf(name: string): SessionSpace {
    let session = this.sessions.get(name);
    if (!session) this.sessions.set(name, (session = { bytes: 0, events: 0, free: 0, ledger: 0 }));
    return session;
  }
}

function toolkitKind(path: string): string | undefined {
  if (!path.startsWith(".agh-toolkit/")) return undefined;
  if (path.startsWith(".agh-toolkit/trash/")) return "trash";
  return path.startsWith(".agh-toolkit/journal/") ? "kept-runs" : "toolkit";
}
