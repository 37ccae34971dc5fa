// What the names of a listing must be before one of them is written: as of an archive, one bad name refuses the whole.
import { findPathProblem, foldName } from "../../files/safe-names.ts";
import { refusal, type ToolError } from "../../records/error.ts";
import { compareLines, type ListingLine } from "./listing.ts";

/** `home`, or the name of a root outside it: a word, and a name below it. */
const ROOT = /^[a-z][a-z0-9_-]{0,31}(?:\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,128})?$/;

type NamedLine = Pick<ListingLine, "root" | "path" | "type">;

/** A name that is being walked below, and the names met in it so far, by what some file systems take them for. */
interface OpenDirectory {
  readonly name: string;
  readonly type: ListingLine["type"];
  readonly names: Map<string, string>;
}

/** Follows the lines of one listing in their order. Memory grows with the largest directory, not with the listing. */
export class ListingNames {
  /** Lines whose names not every file system can hold side by side. */
  unusual = 0;
  #before: NamedLine | undefined;
  #open: OpenDirectory[] = [];

  /** Why the line may not stand where it does; undefined when it may. What is only unusual is counted. */
  findProblem(line: NamedLine): string | undefined {
    const { root, path } = line;
    if (!ROOT.test(root)) return "a root that no home has";
    const names = path === "" ? [] : path.split("/");
    if (names.some((name) => name === "" || name === "." || name === ".." || name.includes("\0")))
      return "a path outside of the restore directory";
    if (Buffer.byteLength(path) > LONGEST_PATH || names.some((name) => Buffer.byteLength(name) > LONGEST_NAME))
      return "a name longer than a file system can hold";
    if (!withoutEscapes(path).isWellFormed()) return "a name that is neither UTF-8 nor bytes";
    if (this.#before && compareLines(this.#before, line) >= 0)
      return this.#before.path === path ? "the same name twice" : "names out of order";
    if (path === "" && line.type !== "directory") return "a root that is not a directory";
    if (this.#before?.root !== root) this.#open = [{ name: "", type: "directory", names: new Map() }];
    this.#before = line;
    return this.#enter(names, line);
  }

  #enter(names: readonly string[], { path, type }: NamedLine): string | undefined {
    let depth = 0;
    while (depth < names.length && this.#open[depth + 1]?.name === names[depth]) depth++;
    this.#open.length = depth + 1;
    if (names.length > 0 && this.#open[depth]!.type === "file") return "a path through a file";
    for (const name of names.slice(depth)) {
      const at = this.#open.length - 1;
      const folded = foldName(name);
      if (this.#open[at]!.names.has(folded) || (!IS_USUAL.test(name) && findPathProblem(name) !== undefined))
        this.unusual++;
      this.#open[at]!.names.set(folded, name);
      this.#open.push({ name, type: "directory", names: new Map() });
    }
    if (path !== "") this.#open[this.#open.length - 1] = { ...this.#open.at(-1)!, type };
    return undefined;
  }
}

const LONGEST_NAME = 255;
const LONGEST_PATH = 4096;
/** Most names: for them nothing else needs to be looked at. */
const IS_USUAL = /^[\w.@+=~,#-][\w.@+=~,# -]{0,63}$/;

/** Names that are no UTF-8 keep their bytes as lone surrogates: see lib/files/os-path.ts. */
const withoutEscapes = (path: string): string =>
  path.isWellFormed() ? path : path.replace(/[\u{dc80}-\u{dcff}]/gu, "");

export const hostileListing = ({ root, path }: NamedLine, what: string): ToolError =>
  refusal(
    "E_HOSTILE_PATH",
    `the listing contains ${what}: ${JSON.stringify(`${root}/${path}`.slice(0, SHOWN))}; it is refused as a whole`,
    "do not trust its origin",
  );

const SHOWN = 300;
