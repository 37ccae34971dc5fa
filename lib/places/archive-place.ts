// `archive:TARGET`: every session of a target, its files laid out in scratch and read like a home.
import { cpSync, readFileSync, rmSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { hostileArchive } from "../files/safe-names.ts";
import { toFileError } from "../files/errors.ts";
import { listReceipts } from "../formats/archive/archive-reader.ts";
import { partitionOf, ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { unpack } from "../formats/archive/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial, placeError, refusal, usageError } from "../records/error.ts";
import type { Custody, HomeCustody } from "../sources/custody.ts";
import { loadSource, RUNTIMES } from "../sources/runtimes.ts";
import { isNamedBy } from "../sources/selection.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { listManualArchives, type ManualArchive } from "./manual-archives.ts";
import { homeId } from "./home-id.ts";
import { detectSource, type OpenPlace, type PlaceOptions } from "./detect-source.ts";
import { unpackManualArchive } from "./unpack-manual-archive.ts";

/** Opens a target. A session that is damaged there is missing then, and a problem (3). */
export async function openArchivePlace(place: string, options: PlaceOptions, deps: Deps): Promise<OpenPlace> {
  const url = place.slice("archive:".length);
  if (url === "") throw usageError(`'${place}' does not name a target`, "archive:DIR, or archive:s3://BUCKET/PREFIX");
  const target = targetOf(url);
  const scratch = scratchDir(deps.env);
  try {
    const root = scratch.fresh();
    const runtime = await runtimeOf(target, options.runtime);
    const named = { runtime, place: `archive:${target.url}`, root, live: false };
    const ids = await extractSessions(await openExtraction({ ...named, id: "" }, { target, scratch, deps }, options));
    const source = await detectSource(root, place, runtime);
    const id = options.homeId ?? (ids.size === 1 ? [...ids][0]! : homeId(runtime, target.url));
    return { home: { ...named, id }, source, [Symbol.dispose]: () => scratch.remove() };
  } catch (error) {
    scratch.remove();
    throw error;
  }
}

interface Outside {
  readonly target: Target;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

interface Extraction extends Outside {
  readonly custody: Custody;
  /** Of the home that is laid out. */
  readonly home: HomeCustody;
  readonly isSelected: (id: string) => boolean;
}

async function openExtraction(
  home: HomeCustody["home"],
  outside: Outside,
  { only }: PlaceOptions,
): Promise<Extraction> {
  const custody = await (await loadSource(home.runtime)).custody?.();
  if (!custody) throw refusal("E_CANNOT", `${home.runtime} has no sessions that can be archived`);
  return { ...outside, custody, home: await custody.open(home, outside.deps), isSelected: selectedBy(only) };
}

/** Prefixes as they are typed: all that they may mean is laid out, so that who resolves them sees what is ambiguous. */
function selectedBy(only: readonly string[] | undefined): (id: string) => boolean {
  return (id) => only === undefined || only.some((typed) => isNamedBy(typed, id));
}

/** Whose sessions are meant; a target without a sound receipt counts as that of the first runtime. */
async function runtimeOf(target: Target, requested: PlaceOptions["runtime"]): Promise<Receipt["runtime"]> {
  if (requested !== undefined && requested !== "auto") return requested;
  const found = new Set<Receipt["runtime"]>();
  for await (const { runtime } of listReceipts(target, () => undefined)) found.add(runtime);
  if (found.size < 2) return [...found][0] ?? RUNTIMES[0]!.runtime;
  const names = [...found].sort();
  throw usageError(`${target.url} holds archives of ${names.join(" and ")}`, `--runtime ${names.join("|")}`);
}

/** The ids of the homes that the sessions came from. */
async function extractSessions(extraction: Extraction): Promise<ReadonlySet<string>> {
  const { target, deps, isSelected, custody, home } = extraction;
  const { runtime, root } = home.home;
  const homes = new Set<string>();
  const known = new Set<string>();
  const rows: RowsFile[] = [];
  const damaged = (error: ToolError, id: string): void => {
    known.add(id);
    if (isSelected(id)) deps.log.problem(asPartial(error));
  };
  for await (const receipt of listReceipts(target, damaged)) {
    deps.signal.throwIfAborted();
    known.add(receipt.session_id);
    if (receipt.runtime !== runtime) continue;
    homes.add(receipt.home_id);
    if (!isSelected(receipt.session_id)) continue;
    const found = await orReport(() => extractSession(receipt, extraction), deps);
    if (found) rows.push(found);
  }
  const manualCount = custody.manual ? await extractManualArchives(extraction, known) : 0;
  if (known.size + manualCount === 0) {
    throw placeError(
      "E_NO_ARCHIVES",
      `no archives were found at ${target.url}`,
      "name the target: --home archive:TARGET",
    );
  }
  custody.extractRows(root, rows);
  return homes;
}

async function extractSession(receipt: Receipt, { target, home }: Extraction): Promise<RowsFile> {
  const id = receipt.session_id;
  const trees = home.trees(id, partitionOf(receipt));
  const lines = joinPath(home.home.root, `.rows-${id}`);
  const place = ({ path }: ReceiptFile): string | undefined => {
    if (path === ROWS) return lines;
    const tree = trees.find(({ part }) => path === part || path.startsWith(`${part}/`));
    return tree && tree.dir + path.slice(tree.part.length);
  };
  await unpack(target, receipt, place);
  try {
    return decodeRows(readFileSync(osPath(lines)));
  } catch (error) {
    throw hostileArchive(`the archive of ${id}`, `rows that put never writes (${(error as Error).message})`);
  } finally {
    rmSync(osPath(lines), { force: true });
  }
}

/** How many there are, selected or not. */
async function extractManualArchives(extraction: Extraction, known: ReadonlySet<string>): Promise<number> {
  const { target, isSelected, deps, home } = extraction;
  let count = 0;
  for await (const archive of listManualArchives(target, known)) {
    if (archive.runtime !== home.home.runtime) continue;
    count++;
    if (isSelected(archive.id)) await orReport(() => extractManualArchive(archive, extraction), deps);
  }
  return count;
}

async function extractManualArchive(
  archive: ManualArchive,
  { target, scratch, custody, home }: Extraction,
): Promise<void> {
  const dir = archive.form === "directory" ? archive.path : await unpackManualArchive(target, archive, scratch.fresh());
  const from = custody.manual!.within(dir);
  const to = home.trees(archive.id, null).find(({ part }) => part === "session");
  if (from === undefined || !to) return;
  try {
    const options = { recursive: true, preserveTimestamps: true, filter: (path: string) => !path.endsWith("-shm") };
    cpSync(osPath(from) as string, to.dir, options);
  } catch (error) {
    throw toFileError(from, "read", error);
  }
}

async function orReport<T>(act: () => Promise<T>, deps: Deps): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return undefined;
  }
}
