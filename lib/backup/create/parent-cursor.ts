// The parent's listing, read along with the walk: both have one order, so each line is met once.
import { compareLines, decodeListingLine, decodePage, type PageRef } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readPageRefs } from "../../formats/repository/snapshots.ts";
import type { ToolError } from "../../records/error.ts";

/** A line of the parent, and where it stood. */
export interface ParentLine {
  readonly line: string;
  readonly page: PageRef;
  readonly at: number;
}

/** The path is beyond the current page: `await nextPage()`, then seek again. */
export const NEED_PAGE = Symbol("turn");

export class ParentCursor {
  #repo: Repository;
  #problem: (error: ToolError) => void;
  #refs: readonly PageRef[] = [];
  #next = 0;
  #page: PageRef | undefined;
  #lines: readonly string[] = [];
  #at = 0;
  #ended: boolean;
  /** Directories of which the parent did not take everything: its listing does not have all their names. */
  #partly: ReadonlySet<string>;

  private constructor(repo: Repository, parent: Manifest | undefined, problem: (error: ToolError) => void) {
    this.#repo = repo;
    this.#ended = parent === undefined;
    const gaps = parent?.coverage.map(({ root, path }) => placeOf(root, path)) ?? [];
    // Of a directory that could not be read it has none.
    this.#partly = new Set([...gaps, ...gaps.map(directoryOf)]);
    this.#problem = problem;
  }

  /** A parent whose listing is damaged counts as none from there on, and is reported. */
  static async open(
    repo: Repository,
    parent: Manifest | undefined,
    problem: (error: ToolError) => void,
  ): Promise<ParentCursor> {
    const cursor = new ParentCursor(repo, parent, problem);
    if (parent) {
      await cursor.#tried(async () => {
        cursor.#refs = await readPageRefs(repo, parent);
      });
    }
    return cursor;
  }

  /** The parent's line of a path, which begins with `start`; paths must be asked for in the order of the walk. */
  seek(root: string, path: string, start: string): ParentLine | undefined | typeof NEED_PAGE {
    if (this.#ended) return undefined;
    for (; this.#at < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at]!;
      if (line.startsWith(start)) return { line, page: this.#page!, at: this.#at++ };
      if (compareLines(decodeListingLine(line), { root, path }) > 0) return undefined;
    }
    return NEED_PAGE;
  }

  /**
   * The names in the directory whose line was met last, which begins with `start`; undefined where the rest of the page
   * does not tell. They are all when the directory is unchanged.
   */
  namesIn(root: string, path: string, start: string): readonly string[] | undefined {
    if (path === "" || this.#partly.has(placeOf(root, path))) return undefined;
    const within = `${start.slice(0, -'",'.length)}/`;
    const names: string[] = [];
    for (let at = this.#at; at < this.#lines.length; at++) {
      const line = this.#lines[at]!;
      if (!line.startsWith(within)) return names;
      const name = line.slice(within.length, line.indexOf('"', within.length));
      // An escaped name, or a WAL, which has no line of its own.
      if (name.includes("\\") || line.includes('"wal":{')) return undefined;
      if (!name.includes("/")) names.push(name);
    }
    return undefined;
  }

  async nextPage(): Promise<void> {
    await this.#tried(async () => {
      this.#page = this.#refs[this.#next++];
      this.#ended = this.#page === undefined;
      this.#lines = this.#page ? decodePage(await this.#repo.chunk(this.#page.sha256)) : [];
      this.#at = 0;
    });
  }

  async #tried(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#ended = true;
      this.#problem(error as ToolError);
    }
  }
}

const placeOf = (root: string, path: string): string => `${root}/${path}`;

const directoryOf = (place: string): string => place.slice(0, place.lastIndexOf("/"));
