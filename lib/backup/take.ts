// Takes the paths of a home into a snapshot: walked in the listing's order, compared with the parent on the way.
import { identityOf, identityText, isFresh } from "../files/identity.ts";
import type { Scratch } from "../files/scratch.ts";
import { belowRoot, walk } from "../files/walk.ts";
import { decodeLine, encodeLine, headOf, startOf, tailOf, type Line } from "../formats/listing.ts";
import type { Deps } from "../records/deps.ts";
import type { Root } from "../sources/source.ts";
import type { Choice, Chosen } from "./choice.ts";
import type { ChunkSink } from "./chunk-sink.ts";
import type { ListingWriter } from "./listing-writer.ts";
import { TURN, type Before, type ParentCursor } from "./parent-cursor.ts";
import { storeDatabase } from "./store-database.ts";
import { storeBytes, storeFile } from "./store-file.ts";

export interface TakeParts {
  readonly choice: Choice;
  readonly parent: ParentCursor;
  readonly listing: ListingWriter;
  readonly sink: ChunkSink;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** One path on its way, and the parent's line of it. */
interface Item extends Chosen {
  readonly start: string;
  readonly before: Before | undefined;
}

export class Take {
  readonly totals = { files: 0, directories: 0, sessions: 0, bytes: 0, new_files: 0 };
  #parts: TakeParts;
  /** The names in the directory met last, where they are known without looking. */
  #names: readonly string[] | undefined;

  constructor(parts: TakeParts) {
    this.#parts = parts;
  }

  async root(root: Root): Promise<void> {
    const { choice, parent, deps } = this.#parts;
    for (const found of walk(root.dir, { ...choice.walking(root), names: () => this.#names })) {
      if (deps.signal.aborted) deps.signal.throwIfAborted();
      const of = choice.take(root, found);
      if (!of) continue;
      const start = startOf(root.name, found.path);
      let before = parent.seek(root.name, found.path, start);
      while (before === TURN) {
        await parent.turn();
        before = parent.seek(root.name, found.path, start);
      }
      const item = { root, found, of, start, before };
      const same = before && this.#isUnchanged(item, before);
      // A name that came or went would show in the directory's own times.
      this.#names = same && found.type === "directory" ? parent.namesIn(root.name, found.path, start) : undefined;
      if (same) await this.#add(before!.line, item, before);
      else await this.#takeNew(item);
    }
  }

  #isUnchanged(item: Item, { line }: Before): boolean {
    const { root, found, of, start } = item;
    const { choice } = this.#parts;
    const stat = tailOf(identityText(choice.noted(root, found)?.stat ?? found.stat));
    if (!line.endsWith(stat) || !line.startsWith(headOf(start, of.class, found.type))) return false;
    if (of.database === undefined) return true;
    return !choice.cut?.copies.has(found.path) && this.#sameDatabase(item, line);
  }

  /** Main is what it was: so is the database, when its WAL is, too. */
  #sameDatabase({ root, found: { path, beside } }: Chosen, line: string): boolean {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (beside.includes(`${name}-journal`)) return false;
    const wal = beside.includes(`${name}-wal`) ? identityOf(`${belowRoot(root.dir, path)}-wal`) : undefined;
    if (!wal || wal.size === 0n) {
      if (!line.includes('"copied":"resting"')) return false;
      this.#parts.choice.met({ path, copied: "resting", walBytes: 0 });
      return true;
    }
    const then = decodeLine(line).database?.wal;
    if (then?.stat !== identityText(wal)) return false;
    this.#parts.choice.met({ path, copied: "pair", walBytes: then.size });
    return true;
  }

  async #takeNew(item: Item): Promise<void> {
    const line = await this.#lineOf(item);
    if (line) await this.#add(encodeLine(line), item, undefined, line);
  }

  async #lineOf(item: Item): Promise<Line | undefined> {
    const { found, of } = item;
    if (found.type === "directory") {
      return { ...plain(item), stat: isFresh(found.stat) ? "" : identityText(found.stat) };
    }
    try {
      const line = of.database ? await this.#databaseLine(item) : await this.#fileLine(item);
      if (line) this.totals.new_files++;
      else this.#parts.choice.moved(item);
      return line;
    } catch (error) {
      this.#parts.choice.failed(item, error);
      return undefined;
    }
  }

  async #fileLine(item: Item): Promise<Line | undefined> {
    const { root, found, of } = item;
    const { choice, sink } = this.#parts;
    const noted = choice.noted(root, found);
    if (noted) {
      return { ...plain(item, noted.stat), ...(await storeBytes(noted.bytes, sink)), stat: identityText(noted.stat) };
    }
    const stored = await storeFile(belowRoot(root.dir, found.path), sink, of.class === "logs");
    if (!stored) return undefined;
    const { identity, mode, stat, ...content } = stored;
    return { ...plain(item, { mode, mtimeNs: identity.mtimeNs }), ...content, stat };
  }

  async #databaseLine(item: Item): Promise<Line | undefined> {
    const { root, found, of, before } = item;
    const { choice, sink, scratch } = this.#parts;
    const home = root.name === "home" ? choice.cut : undefined;
    const copy = home?.copies.get(found.path);
    const stored = await storeDatabase(
      {
        file: copy?.file ?? belowRoot(root.dir, found.path),
        session: of.database === "session",
        noted: copy ? undefined : home?.databases.get(found.path),
        cutAt: copy ? undefined : home?.at,
        before: before && !copy ? decodeLine(before.line) : undefined,
        scratch,
      },
      sink,
    );
    if (!stored) return undefined;
    const { stat, mtimeNs, database, ...content } = stored;
    const copied = copy?.copied ?? database.copied;
    choice.met({ path: found.path, copied, walBytes: database.wal?.size ?? 0, late: database.late });
    const times = copy ? found.stat : { mode: found.stat.mode, mtimeNs };
    return { ...plain(item, times), ...content, database: { ...database, copied }, stat: copy ? "" : stat };
  }

  async #add(text: string, { root, found, of }: Item, before: Before | undefined, line?: Line): Promise<void> {
    const { totals } = this;
    const { choice, deps, listing, sink } = this.#parts;
    if (found.type === "directory") totals.directories++;
    else {
      totals.files++;
      totals.bytes += (line?.size ?? Number(found.stat.size)) + (of.database ? choice.walBytes : 0);
      if (of.database === "session") totals.sessions++;
      if (line) deps.progress.update({ label: "read", done: sink.seenBytes, unit: "bytes" });
    }
    if (listing.add(text, root.name, found.path, before)) await listing.turn();
  }
}

/** What every line says. */
const plain = (
  { root, found, of }: Item,
  { mode, mtimeNs }: { readonly mode: bigint; readonly mtimeNs: bigint } = found.stat,
): Pick<Line, "root" | "path" | "class" | "type" | "mode" | "mtime_ns"> => ({
  root: root.name,
  path: found.path,
  class: of.class,
  type: found.type === "directory" ? "directory" : "file",
  mode: (Number(mode) & 0o7777).toString(8).padStart(4, "0"),
  mtime_ns: String(mtimeNs),
});
