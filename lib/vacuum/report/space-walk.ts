// One walk over a home: bytes by kind of file, and of each session what it has and what of its databases is free.
import { statSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import { walk, type LinkPolicy } from "../../files/walk.ts";
import { readFreeBytes } from "../../sqlite/read/table-space.ts";
import type { Root, Source } from "../../sources/source.ts";
import type { FilePlace, SpaceUpkeep } from "../../sources/upkeep.ts";

export interface KindSpace {
  items: number;
  bytes: number;
}

export interface SessionSpace {
  /** Its directory. */
  bytes: number;
  events: number;
  /** Of free pages in its database. */
  free: number;
  ledger: number;
}

export interface HomeSpace {
  readonly kinds: ReadonlyMap<string, KindSpace>;
  /** By the name of the session's directory. */
  readonly sessions: ReadonlyMap<string, SessionSpace>;
  /** Ids of sessions that have a receipt where archives lie. */
  readonly archived: ReadonlySet<string>;
}

/** The home's own tree, and the ledgers' where they lie elsewhere. Opens each session's database for its first 100 bytes only. */
export function walkHome(
  roots: readonly Root[],
  source: Source,
  { space, links }: { readonly space: SpaceUpkeep | undefined; readonly links: LinkPolicy },
): HomeSpace {
  const all = new Walked(source, space);
  for (const { name, dir, only } of roots) {
    if (name !== "home" && name !== "ledgers") continue;
    for (const { path, type, stat } of walk(dir, { links, unreadable: () => undefined, ...(only && { only }) })) {
      if (type === "file") all.add({ root: name, dir, path, size: Number(stat.size) });
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

class Walked implements HomeSpace {
  readonly kinds = new Map<string, KindSpace>();
  readonly sessions = new Map<string, SessionSpace>();
  readonly archived = new Set<string>();
  #source: Source;
  #space: SpaceUpkeep | undefined;

  constructor(source: Source, space: SpaceUpkeep | undefined) {
    this.#source = source;
    this.#space = space;
  }

  add(file: FileAt): void {
    const kind = this.#kindOf(file);
    const sum = this.kinds.get(kind) ?? { items: 0, bytes: 0 };
    sum.items++;
    sum.bytes += file.size;
    this.kinds.set(kind, sum);
  }

  #kindOf(file: FileAt): string {
    const { root, path } = file;
    const own = toolkitKind(path);
    if (!this.#space) return own ?? this.#source.classify(root, path, "file").class;
    const place = this.#space.place(root, path);
    // Ledgers are counted as such wherever they lie, in the trash as well.
    if (own !== undefined && place.of !== "ledger") return own;
    if (place.receipt !== undefined) this.archived.add(place.receipt);
    if (place.session !== undefined) this.#addToSession(place.session, place.of, file);
    return place.kind;
  }

  #addToSession(name: string, of: FilePlace["of"], { dir, path, size }: FileAt): void {
    const session = this.sessions.get(name) ?? { bytes: 0, events: 0, free: 0, ledger: 0 };
    this.sessions.set(name, session);
    if (of === "ledger") {
      session.ledger += size;
      return;
    }
    session.bytes += size;
    if (of !== "events") return;
    session.events = size;
    session.free = size > 0 ? readFreeBytes(joinPath(dir, path)) : 0;
  }
}

/** Undefined where there is no regular file. */
export function sizeOfFile(file: string): number | undefined {
  const stat = statSync(osPath(file), { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : undefined;
}

function toolkitKind(path: string): string | undefined {
  if (!path.startsWith(".agh-toolkit/")) return undefined;
  if (path.startsWith(".agh-toolkit/trash/")) return "trash";
  return path.startsWith(".agh-toolkit/journal/") ? "kept-runs" : "toolkit";
}
