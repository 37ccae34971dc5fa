// Archives the paths of a home into a snapshot: walked in the listing's order, compared with the parent on the way.
import { statIdentity, formatIdentity, isFresh } from "../../files/identity.ts";
import { isReadableByMode } from "../../files/readable.ts";
import type { Scratch } from "../../files/scratch.ts";
import { ListingNames } from "../../formats/repository/check-listing.ts";
import { belowRoot, walk } from "../../files/walk.ts";
import {
  decodeListingLine,
  encodeListingLine,
  headOf,
  startOf,
  tailOf,
  type ListingLine,
} from "../../formats/repository/listing.ts";
import type { Deps } from "../../records/deps.ts";
import type { Root, Source } from "../../sources/source.ts";
import type { PathFilter, SelectedPath } from "./path-filter.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import type { PageStore } from "../losses/page-store.ts";
import type { ListingWriter } from "./listing-writer.ts";
import { NEED_PAGE, type ParentLine, type ParentCursor } from "./parent-cursor.ts";
import { storeDatabase } from "./store-database.ts";
import { storeBytes, storeFile } from "./store-file.ts";

export interface ArchiverOptions {
  readonly filter: PathFilter;
  readonly parent: ParentCursor;
  readonly listing: ListingWriter;
  readonly sink: ChunkSink;
  readonly pages: PageStore;
  readonly source: Pick<Source, "counted">;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** One path on its way, and the parent's line of it. */
interface PathEntry extends SelectedPath {
  readonly start: string;
  readonly before: ParentLine | undefined;
}

export class Archiver {
  readonly totals = { files: 0, directories: 0, sessions: 0, bytes: 0, new_files: 0 };
  readonly names = new ListingNames();
  /** Whether a catalog was taken that can be one. */
  hasCatalog = false;
  /** Files by class. */
  readonly classFiles: { [name: string]: number } = {};
  #parts: ArchiverOptions;
  /** The names in the directory met last, where they are known without looking. */
  #names: readonly string[] | undefined;

  constructor(parts: ArchiverOptions) {
    this.#parts = parts;
  }

  async root(root: Root): Promise<void> {
    const { filter, parent, deps } = this.#parts;
    for (const found of walk(root.dir, { ...filter.walkOptions(root), names: () => this.#names })) {
      if (deps.signal.aborted) deps.signal.throwIfAborted();
      const of = filter.select(root, found);
      if (!of) continue;
      const start = startOf(root.name, found.path);
      let before = parent.seek(root.name, found.path, start);
      while (before === NEED_PAGE) {
        await parent.nextPage();
        before = parent.seek(root.name, found.path, start);
      }
      const item = { root, found, of, start, before };
      const same = before && this.#isUnchanged(item, before);
      // A name that came or went would show in the directory's own times.
      this.#names = same && found.type === "directory" ? parent.namesIn(root.name, found.path, start) : undefined;
      if (same) await this.#add(before!.line, item, before);
      else await this.#addNew(item);
    }
  }

  #isUnchanged(item: PathEntry, { line }: ParentLine): boolean {
    const { root, found, of, start } = item;
    const { filter } = this.#parts;
    // What cannot be read any more is not taken over as if it could.
    if (!isReadableByMode(found.stat, found.type === "directory")) return false;
    const stat = tailOf(formatIdentity(filter.fileAtCut(root, found)?.stat ?? found.stat));
    if (!line.endsWith(stat) || !line.startsWith(headOf(start, of.class, found.type))) return false;
    if (of.database === undefined) return true;
    // An earlier version took no look at it.
    if (!line.includes('"tables":[') && !line.includes('"damaged":"')) return false;
    return !filter.cut?.copies.has(found.path) && this.#sameDatabase(item, line);
  }

  /** Main is what it was: so is the database, when its WAL is, too. */
  #sameDatabase({ root, found: { path, siblings: beside } }: SelectedPath, line: string): boolean {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (beside.includes(`${name}-journal`)) return false;
    const wal = beside.includes(`${name}-wal`) ? statIdentity(`${belowRoot(root.dir, path)}-wal`) : undefined;
    if (!wal || wal.size === 0n) {
      if (!line.includes('"copied":"resting"')) return false;
      this.#parts.filter.recordDatabase({ path, copied: "resting", walBytes: 0 });
      return true;
    }
    const then = decodeListingLine(line).database?.wal;
    if (then?.stat !== formatIdentity(wal)) return false;
    this.#parts.filter.recordDatabase({ path, copied: "pair", walBytes: then.size });
    return true;
  }

  async #addNew(item: PathEntry): Promise<void> {
    const line = await this.#readLine(item);
    if (line) await this.#add(encodeListingLine(line), item, undefined, line);
  }

  async #readLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { found, of } = item;
    if (found.type === "directory") {
      return { ...baseLine(item), stat: isFresh(found.stat) ? "" : formatIdentity(found.stat) };
    }
    try {
      const line = of.database ? await this.#databaseLine(item) : await this.#fileLine(item);
      if (line) this.totals.new_files++;
      else this.#parts.filter.recordChanging(item);
      return line;
    } catch (error) {
      this.#parts.filter.recordFailure(item, error);
      return undefined;
    }
  }

  async #fileLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { root, found, of } = item;
    const { filter, sink } = this.#parts;
    const atCut = filter.fileAtCut(root, found);
    if (atCut) {
      return {
        ...baseLine(item, atCut.stat),
        ...(await storeBytes(atCut.bytes, sink)),
        stat: formatIdentity(atCut.stat),
      };
    }
    const stored = await storeFile(belowRoot(root.dir, found.path), sink, of.class === "logs");
    if (!stored) return undefined;
    const { identity, mode, stat, ...content } = stored;
    return { ...baseLine(item, { mode, mtimeNs: identity.mtimeNs }), ...content, stat };
  }

  async #databaseLine(item: PathEntry): Promise<ListingLine | undefined> {
    const { root, found, of, before } = item;
    const { filter, sink, pages, source, scratch } = this.#parts;
    const home = root.name === "home" ? filter.cut : undefined;
    const copy = home?.copies.get(found.path);
    const stored = await storeDatabase(
      {
        file: copy?.file ?? belowRoot(root.dir, found.path),
        session: of.database === "session",
        counted: source.counted?.(root.name, found.path),
        pages,
        atCut: copy ? undefined : home?.databases.get(found.path),
        cutAt: copy ? undefined : home?.at,
        before: before && !copy ? decodeListingLine(before.line) : undefined,
        scratch,
      },
      sink,
    );
    if (!stored) return undefined;
    const { stat, mtimeNs, database, ...content } = stored;
    const copied = copy?.copied ?? database.copied;
    filter.recordDatabase({ path: found.path, copied, walBytes: database.wal?.size ?? 0, late: database.late });
    const times = copy ? found.stat : { mode: found.stat.mode, mtimeNs };
    return { ...baseLine(item, times), ...content, database: { ...database, copied }, stat: copy ? "" : stat };
  }

  async #add(
    text: string,
    { root, found, of }: PathEntry,
    before: ParentLine | undefined,
    line?: ListingLine,
  ): Promise<void> {
    const { totals } = this;
    const { filter, deps, listing, sink } = this.#parts;
    this.names.findProblem({
      root: root.name,
      path: found.path,
      type: found.type === "directory" ? "directory" : "file",
    });
    if (found.type === "directory") totals.directories++;
    else {
      totals.files++;
      this.classFiles[of.class] = (this.classFiles[of.class] ?? 0) + 1;
      totals.bytes += (line?.size ?? Number(found.stat.size)) + (of.database ? filter.walBytes : 0);
      if (of.database === "session") totals.sessions++;
      this.hasCatalog ||= of.database === "catalog" && !text.includes('"damaged":"');
      if (line) deps.progress.update({ label: "read", done: sink.seenBytes, unit: "bytes" });
    }
    if (listing.add(text, root.name, found.path, before)) await listing.finishPage();
  }
}

/** What every line says. */
const baseLine = (
  { root, found, of }: PathEntry,
  { mode, mtimeNs }: { readonly mode: bigint; readonly mtimeNs: bigint } = found.stat,
): Pick<ListingLine, "root" | "path" | "class" | "type" | "mode" | "mtime_ns"> => ({
  root: root.name,
  path: found.path,
  class: of.class,
  type: found.type === "directory" ? "directory" : "file",
  mode: (Number(mode) & 0o7777).toString(8).padStart(4, "0"),
  mtime_ns: String(mtimeNs),
});
