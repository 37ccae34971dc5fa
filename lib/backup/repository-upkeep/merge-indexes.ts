// Keeps the index files of a repository few: small ones become one, and only then what it holds is removed.
import { encodePackLine, INDEX_CHUNKS, type PackLine } from "../../formats/repository/chunk-index.ts";
import { INDEXES } from "../../formats/repository/layout.ts";
import type { IndexFile } from "../../formats/repository/read-indexes.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { ToolError } from "../../records/error.ts";
import { lockPrune, type PruneLock } from "../prune-lock.ts";

/** Index files that may lie beside each other. */
export const INDEX_FILES = 32;
/** What is larger is not written anew for the sake of small ones. */
const SMALL = 1 << 20;

/** Merges small index files when there are more than 32, and nobody else is at it. */
export async function mergeIndexes(repo: Repository): Promise<void> {
  try {
    await mergeSmall(repo);
  } catch (error) {
    // Keys that may only add are good keys: then all stay as they are.
    if (!(error instanceof ToolError) || error.code !== "E_NO_PERMISSION") throw error;
  }
}

async function mergeSmall(repo: Repository): Promise<void> {
  const keys: string[] = [];
  for await (const { key, size } of repo.target.list(INDEXES)) if (size < SMALL) keys.push(key);
  if (keys.length <= INDEX_FILES) return;
  // A prune takes packs out of the indexes: a merge of what they were before would bring them back.
  await using lock = await tryLock(repo);
  if (!lock) return;
  const files: IndexFile[] = [];
  for (const key of keys) {
    const lines = await repo.indexLines(key);
    if (lines) files.push({ key, lines });
  }
  const { needed, superfluous } = splitSuperfluous(files);
  if (needed.length <= INDEX_FILES) return await removeIndexes(repo, superfluous);
  await replaceIndexes(
    repo,
    files,
    files.flatMap(({ lines }) => lines),
  );
}

/** Undefined while a prune, or another merge, is at work: the next run merges. */
async function tryLock(repo: Repository): Promise<PruneLock | undefined> {
  try {
    return await lockPrune(repo, 0, { now: () => new Date(), signal: new AbortController().signal });
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_BUSY") return undefined;
    throw error;
  }
}

/** Stores index files of these lines, then removes those of `files` that they make superfluous; the keys of the new ones. */
export async function replaceIndexes(
  repo: Repository,
  files: readonly IndexFile[],
  lines: readonly PackLine[],
): Promise<ReadonlySet<string>> {
  const written: IndexFile[] = [];
  for (const group of groupLines(lines)) {
    written.push({ key: (await repo.putIndex(group.map(encodePackLine))).key, lines: group });
  }
  const kept = new Set(written.map(({ key }) => key));
  const { superfluous } = splitSuperfluous([...files.filter(({ key }) => !kept.has(key)), ...written]);
  await removeIndexes(
    repo,
    superfluous.filter((key) => !kept.has(key)),
  );
  return kept;
}

/**
 * Which files hold a pack that no larger one holds. Going by one order that all runs share, no two runs each remove what
 * the other counts on.
 */
function splitSuperfluous(files: readonly IndexFile[]): { needed: string[]; superfluous: string[] } {
  const order = [...files].sort((a, b) => b.lines.length - a.lines.length || (a.key < b.key ? -1 : 1));
  const known = new Set<string>();
  const needed: string[] = [];
  const superfluous: string[] = [];
  for (const { key, lines } of order) {
    (lines.every(({ pack }) => known.has(pack)) ? superfluous : needed).push(key);
    for (const { pack } of lines) known.add(pack);
  }
  return { needed, superfluous };
}

/** One line a pack, in the order of their names, so that equal content makes an equal file. */
function groupLines(lines: readonly PackLine[]): PackLine[][] {
  const packs = new Map(lines.map((line) => [line.pack, line]));
  const groups: PackLine[][] = [];
  let chunks = INDEX_CHUNKS;
  for (const [, line] of [...packs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (chunks >= INDEX_CHUNKS) [chunks] = [0, groups.push([])];
    groups.at(-1)!.push(line);
    chunks += line.chunks.length;
  }
  return groups;
}

async function removeIndexes({ target }: Repository, keys: readonly string[]): Promise<void> {
  for (const key of keys) await target.delete(key);
}
