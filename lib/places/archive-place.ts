// `archive:TARGET`: every session of a target, its files laid out in scratch and read like a home.
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { hostileArchive } from "../files/safe-names.ts";
import { toFileError } from "../files/errors.ts";
import { listReceipts } from "../formats/archive/archive-reader.ts";
import { PARTS, ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { unpack } from "../formats/archive/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial, placeError, usageError } from "../records/error.ts";
import { makeDatabase } from "../sqlite/change/change-database.ts";
import { bundlesDir, catalogFile, isId, sessionDir, sessionsDir } from "../sources/agh/home/layout.ts";
import { fillCatalog } from "../sources/agh/custody/scratch-catalog.ts";
import { loadSource } from "../sources/runtimes.ts";
import { isNamedBy } from "../sources/selection.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { listManualArchives, findSessionDir, type ManualArchive } from "./manual-archives.ts";
import { homeId } from "./home-id.ts";
import { extractRows, makeRowDatabase } from "./row-archives.ts";
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
    const extraction = { target, root, scratch, deps, isSelected: selectedBy(options.only) };
    const ids = runtime === "agh" ? await extractSessions(extraction) : await extractAllRows(runtime, extraction);
    const source = await detectSource(root, place, runtime);
    const id = options.homeId ?? (ids.size === 1 ? [...ids][0]! : homeId(runtime, target.url));
    const home = { runtime: source.runtime, place: `archive:${target.url}`, root, id, live: false };
    return { home, source, [Symbol.dispose]: () => scratch.remove() };
  } catch (error) {
    scratch.remove();
    throw error;
  }
}

/** Prefixes as they are typed: all that they may mean is laid out, so that who resolves them sees what is ambiguous. */
function selectedBy(only: readonly string[] | undefined): (id: string) => boolean {
  return (id) => only === undefined || only.some((typed) => isNamedBy(typed, id));
}

interface Extraction {
  readonly isSelected: (id: string) => boolean;
  readonly target: Target;
  readonly root: string;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** Whose sessions are meant; damaged receipts, and what was moved by hand, count as AGH's. */
async function runtimeOf(target: Target, requested: PlaceOptions["runtime"]): Promise<Receipt["runtime"]> {
  if (requested !== undefined && requested !== "auto") return requested;
  const found = new Set<Receipt["runtime"]>();
  for await (const { runtime } of listReceipts(target, () => undefined)) found.add(runtime);
  if (found.size < 2) return [...found][0] ?? "agh";
  const names = [...found].sort();
  throw usageError(`${target.url} holds archives of ${names.join(" and ")}`, `--runtime ${names.join("|")}`);
}

async function extractAllRows(
  runtime: Receipt["runtime"],
  { target, root, deps }: Extraction,
): Promise<ReadonlySet<string>> {
  const archival = await (await loadSource(runtime)).archival!();
  const home = { runtime, place: `archive:${target.url}`, root, id: "", live: false };
  const homes = new Set<string>();
  const rows: RowsFile[] = [];
  for await (const receipt of listReceipts(target, (error) => deps.log.problem(asPartial(error)))) {
    deps.signal.throwIfAborted();
    if (receipt.runtime !== runtime) continue;
    const found = await orReport(() => extractRows(target, receipt, archival, home), deps);
    if (!found) continue;
    rows.push(found);
    homes.add(receipt.home_id);
  }
  makeRowDatabase(root, archival, rows);
  return homes;
}

/** The ids of the homes that the sessions came from. */
async function extractSessions(extraction: Extraction): Promise<ReadonlySet<string>> {
  const { target, root, deps, isSelected } = extraction;
  mkdirSync(osPath(sessionsDir(root)), { recursive: true, mode: 0o700 });
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
    if (receipt.runtime !== "agh") continue;
    homes.add(receipt.home_id);
    if (!isSelected(receipt.session_id)) continue;
    const found = await orReport(() => extractSession(receipt, extraction), deps);
    if (found) rows.push(found);
  }
  let manualCount = 0;
  for await (const archive of listManualArchives(target, known)) {
    manualCount++;
    if (!isSelected(archive.id)) continue;
    await orReport(() => extractManualArchive(archive, extraction), deps);
  }
  if (known.size + manualCount === 0) {
    throw placeError(
      "E_NO_ARCHIVES",
      `no archives were found at ${target.url}`,
      "name the target: --home archive:TARGET",
    );
  }
  makeDatabase(catalogFile(root), (db) => fillCatalog(db, rows));
  return homes;
}

async function extractSession(receipt: Receipt, { target, root }: Extraction): Promise<RowsFile> {
  const id = receipt.session_id;
  const lines = joinPath(root, `.rows-${id}`);
  await unpack(target, receipt, (file) => (file.path === ROWS ? lines : placeOf(root, receipt, file)));
  try {
    return decodeRows(readFileSync(osPath(lines)));
  } catch (error) {
    throw hostileArchive(`the archive of ${id}`, `rows that put never writes (${(error as Error).message})`);
  } finally {
    rmSync(osPath(lines), { force: true });
  }
}

function placeOf(
  root: string,
  { session_id: id, ledger_partition: partition }: Receipt,
  { path }: ReceiptFile,
): string | undefined {
  const slash = path.indexOf("/");
  const [part, rest] = slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash)];
  if (part === PARTS.session) return sessionDir(root, id) + rest;
  if (part === PARTS.bundles) return bundlesDir(root) + rest;
  if (part !== PARTS.ledger || !isId(partition) || partition === id) return undefined;
  return joinPath(sessionDir(root, partition), id) + rest;
}

async function extractManualArchive(
  archive: ManualArchive,
  { target, root, scratch }: Extraction,
): Promise<true | undefined> {
  const dir = archive.form === "directory" ? archive.path : await unpackManualArchive(target, archive, scratch.fresh());
  const from = findSessionDir(dir);
  if (from === undefined) return undefined;
  try {
    const options = { recursive: true, preserveTimestamps: true, filter: (path: string) => !path.endsWith("-shm") };
    cpSync(osPath(from) as string, sessionDir(root, archive.id), options);
  } catch (error) {
    throw toFileError(from, "read", error);
  }
  return true;
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
