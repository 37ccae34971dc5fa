// Names that may be written below a directory, whatever file system lies there: one bad name refuses the whole.
import { refusal, type ToolError } from "../records/error.ts";

const LONGEST_NAME = 255;
const LONGEST_PATH = 4096;

/** Why a path may not be written; undefined when it may. */
export function findPathProblem(path: string): string | undefined {
  if (path === "") return "an empty name";
  if (path.startsWith("/")) return "an absolute path";
  if (Buffer.byteLength(path) > LONGEST_PATH) return "a path longer than 4096 bytes";
  if (!path.isWellFormed()) return "a name that is not UTF-8";
  for (const name of path.split("/")) {
    if (name === "" || name === "." || name === "..") return "a path with an empty part, . or ..";
    if (/[\0-\x1f\x7f]/.test(name)) return "a control character in a name";
    if (name.includes("\\")) return "a backslash in a name";
    if (/^[A-Za-z]:/.test(name)) return "a drive letter";
    if (Buffer.byteLength(name) > LONGEST_NAME) return "a name longer than 255 bytes";
  }
  return undefined;
}

/** Collects the names of one archive; throws E_HOSTILE_ARCHIVE (4) at the first that must not be written. */
export class SafeNames {
  #label: string;
  #types = new Map<string, "file" | "directory">();

  /** `label` names the archive in messages. */
  constructor(label: string) {
    this.#label = label;
  }

  add(path: string, type: "file" | "directory"): void {
    const bad = findPathProblem(path);
    if (bad !== undefined) throw hostileArchive(this.#label, `${bad}: ${JSON.stringify(path)}`);
    const key = folded(path);
    if (this.#types.has(key)) throw hostileArchive(this.#label, `the same name twice: ${JSON.stringify(path)}`);
    for (let at = key.indexOf("/"); at > 0; at = key.indexOf("/", at + 1)) {
      if (this.#types.get(key.slice(0, at)) === "file") {
        throw hostileArchive(this.#label, `a path through a file: ${JSON.stringify(path)}`);
      }
    }
    this.#types.set(key, type);
    this.#claimParents(path, key);
  }

  /** A directory spelled in two ways is two names that some file system takes for one. */
  #spelled = new Map<string, string>();
  #claimParents(path: string, key: string): void {
    const [names, keys] = [path.split("/"), key.split("/")];
    for (let depth = 1; depth <= names.length; depth++) {
      const at = keys.slice(0, depth).join("/");
      const spelling = names.slice(0, depth).join("/");
      const before = this.#spelled.get(at);
      if (before !== undefined && before !== spelling) {
        throw hostileArchive(
          this.#label,
          `names that differ in case or form only: ${JSON.stringify([before, spelling])}`,
        );
      }
      this.#spelled.set(at, spelling);
      if (depth === names.length && this.#types.get(at) === "file" && this.#hasBelow(at)) {
        throw hostileArchive(this.#label, `a file where a directory is: ${JSON.stringify(path)}`);
      }
    }
  }

  #hasBelow(key: string): boolean {
    for (const other of this.#types.keys()) if (other.startsWith(`${key}/`)) return true;
    return false;
  }
}

const folded = (path: string): string => path.split("/").map(foldName).join("/");

/** What case-insensitive and normalising file systems take a name for; trailing dots and blanks too. */
export function foldName(name: string): string {
  if (PLAIN.test(name)) return name.toUpperCase();
  const key = name.normalize("NFKC").toLowerCase().toUpperCase().normalize("NFKC");
  return key.replace(/[. ]+$/, (tail) => (tail.length === key.length ? tail : ""));
}

const PLAIN = /^[\w-][\w.-]*(?<!\.)$/;

export const hostileArchive = (label: string, what: string): ToolError =>
  refusal("E_HOSTILE_ARCHIVE", `${label} contains ${what}: nothing was written`, "do not trust its origin");
