// The sessions that the toolkit has retired from a home, as its tombstones tell.
import { readdirSync, readFileSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { decodeRetiredRows, decodeTombstone, RETIRED_ROWS, tombstoneName } from "../formats/archive/tombstone.ts";
import type { SessionPart } from "./contents.ts";

const DIRECTORY = ".agh-toolkit/tombstones";

/** Of the toolkit's own state a backup takes the tombstones: they say what is missing on purpose. */
export const leadsToTombstones = (path: string): boolean => path === ".agh-toolkit" || path === DIRECTORY;

export const isTombstone = (path: string): boolean => path.startsWith(`${DIRECTORY}/`) && /\.(?:json|rows)$/.test(path);

/** The tombstone that a path of the home is. */
export const tombstonePart = (path: string): SessionPart | undefined =>
  isTombstone(path) ? { session: path.slice(DIRECTORY.length + 1), is: "tombstone" } : undefined;

export class RetiredSessions {
  readonly #root: string;
  readonly #tombstones: ReadonlySet<string>;
  #rows: ReadonlySet<string> | undefined;

  /** `tombstones`: the names of those that count. */
  constructor(root: string, tombstones: ReadonlySet<string>) {
    this.#root = root;
    this.#tombstones = tombstones;
  }

  /** Why a session is missing. */
  reason(id: string): string | undefined {
    return this.#hasTombstone(id) || this.#retiredRows().has(id) ? "it was retired" : undefined;
  }

  #hasTombstone(id: string): boolean {
    const name = tombstoneName(id);
    if (!this.#tombstones.has(name)) return false;
    return decodeTombstone(this.#read(name))?.session_id === id;
  }

  #retiredRows(): ReadonlySet<string> {
    return (this.#rows ??= new Set(this.#names().flatMap((name) => decodeRetiredRows(this.#read(name))?.ids ?? [])));
  }

  #names(): string[] {
    try {
      return readdirSync(osPath(joinPath(this.#root, DIRECTORY))).filter(
        (name) => name.endsWith(RETIRED_ROWS) && this.#tombstones.has(name),
      );
    } catch {
      return []; // none can be read, so none explains anything
    }
  }

  #read(name: string): Buffer {
    try {
      return readFileSync(osPath(joinPath(joinPath(this.#root, DIRECTORY), name)));
    } catch {
      return Buffer.alloc(0);
    }
  }
}
