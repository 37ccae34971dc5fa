// Packs that no snapshot needed when prune looked: they are deleted when that still holds after the grace time.
import { EXIT, ToolError } from "../../records/error.ts";
import { markKey, MARKS, nameIn } from "./layout.ts";
import type { Repository } from "./repository.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import { isUlid } from "../ulid.ts";

export const MARKS_FORMAT = 1;

/** One run's marks: all that stand after it. The newest file holds; older ones tell slow creates what they missed. */
export interface MarkFile {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly at: string;
  readonly grace_ms: number;
  /** Since when each pack has been garbage. */
  readonly packs: { readonly [pack: string]: string };
}

export const putMarks = (repo: Repository, marks: MarkFile): Promise<void> =>
  repo.target.put(markKey(marks.id), encodeSealed(marks).bytes, { exclusive: true });

/** Oldest first. A damaged file counts as none: what it marked is marked again, and its grace begins anew. */
export async function readMarks(repo: Repository): Promise<MarkFile[]> {
  const found: MarkFile[] = [];
  for await (const { key } of repo.target.list(MARKS)) {
    const bytes = isUlid(nameIn(key)) ? await repo.target.get(key) : undefined;
    const marks = bytes && decodeMarks(bytes);
    if (marks?.id === nameIn(key)) found.push(marks);
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Undefined when it is not what was written, or nothing that prune would write. */
export function decodeMarks(bytes: Buffer): MarkFile | undefined {
  const marks = decodeSealed(bytes) as unknown as MarkFile | undefined;
  return marks && isMarkFile(marks) ? marks : undefined;
}

/** A digest can be made by anybody who may write to the repository. */
const isMarkFile = ({ format, at, grace_ms: grace, packs }: MarkFile): boolean =>
  format === MARKS_FORMAT &&
  isTime(at) &&
  Number.isFinite(grace) &&
  typeof packs === "object" &&
  packs !== null &&
  Object.values(packs).every(isTime);

const isTime = (value: unknown): boolean => typeof value === "string" && !Number.isNaN(Date.parse(value));

/** Clocks of two machines differ by less. */
const MARGIN_MS = 10 * 60_000;

/** Held by a create from its beginning to its end, so that nothing it relies on is deleted before others can see that. */
export class MarkWatch {
  /** Packs whose chunks must be stored again. */
  readonly marked: ReadonlySet<string>;
  #repo: Repository;
  #seen: ReadonlySet<string>;

  private constructor(repo: Repository, files: readonly MarkFile[]) {
    this.#repo = repo;
    this.#seen = new Set(files.map(({ id }) => id));
    this.marked = new Set(Object.keys(files.at(-1)?.packs ?? {}));
  }

  /** Before the index is read. */
  static async begin(repo: Repository): Promise<MarkWatch> {
    return new MarkWatch(repo, await readMarks(repo));
  }

  /** Right before the manifest is put. Throws E_RAN_TOO_LONG (5). */
  async assertMayPublish(now: Date): Promise<void> {
    const missed = (await readMarks(this.#repo)).filter(({ id }) => !this.#seen.has(id));
    // A prune goes by its own clock: where that is ahead, what it had marked before is gone by its later marks.
    const latest = Math.max(now.getTime(), ...missed.map(({ at }) => Date.parse(at)));
    const expired = missed.some(({ at, grace_ms: grace }) => {
      return latest >= Date.parse(at) + grace - Math.min(MARGIN_MS, grace / 2);
    });
    if (!expired) return;
    throw new ToolError({
      code: "E_RAN_TOO_LONG",
      message: "a prune started and its grace time ended during this run: chunks that it relies on may be deleted",
      hint: "run create again; it reuses what this run has stored",
      exit: EXIT.busy,
    });
  }
}
