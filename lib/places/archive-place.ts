// `archive:TARGET`: every session of a target, its files laid out in scratch and read like a home.
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { hostile } from "../files/safe-names.ts";
import { fileTrouble } from "../files/trouble.ts";
import { receipts } from "../formats/archive-reader.ts";
import { PARTS, ROWS, type Receipt, type ReceiptFile } from "../formats/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import { unpack } from "../formats/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial, placeError, usageError } from "../records/error.ts";
import { makeDatabase } from "../sqlite/change.ts";
import { bundlesDir, catalogFile, isId, sessionDir, sessionsDir } from "../sources/agh/layout.ts";
import { fillCatalog } from "../sources/agh/scratch-catalog.ts";
import { sourceNamed } from "../sources/detect.ts";
import { isNamedBy } from "../sources/selection.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { heldByHand, sessionWithin, type ByHand } from "./by-hand.ts";
import { homeId } from "./home-id.ts";
import { layOutRows, makeRowDatabase } from "./row-archives.ts";
import { sourceOf, type OpenPlace, type PlaceOptions } from "./source-of.ts";
import { unpackByHand } from "./unpack-by-hand.ts";

/** Opens a target. A session that is damaged there is missing then, and a problem (3). */
export async function openArchivePlace(place: string, options: PlaceOptions, deps: Deps): Promise<OpenPlace> {
  const url = place.slice("archive:".length);
  if (url === "") throw usageError(`'${place}' names no target`, "archive:DIR, or archive:s3://BUCKET/PREFIX");
  const target = targetOf(url);
  const scratch = scratchDir(deps.env);
  try {
    const root = scratch.fresh();
    const runtime = await runtimeOf(target, options.runtime);
    const laying = { target, root, scratch, deps, isMeant: meantBy(options.only) };
    const ids = runtime === "agh" ? await layOut(laying) : await layOutAllRows(runtime, laying);
    const source = await sourceOf(root, place, runtime);
    const id = options.homeId ?? (ids.size === 1 ? [...ids][0]! : homeId(runtime, target.url));
    const home = { runtime: source.runtime, place: `archive:${target.url}`, root, id, live: false };
    return { home, source, [Symbol.dispose]: () => scratch.remove() };
  } catch (error) {
    scratch.remove();
    throw error;
  }
}

/** Prefixes as they are typed: all that they may mean is laid out, so that who resolves them sees what is ambiguous. */
function meantBy(only: readonly string[] | undefined): (id: string) => boolean {
  return (id) => only === undefined || only.some((typed) => isNamedBy(typed, id));
}

interface Laying {
  readonly isMeant: (id: string) => boolean;
  readonly target: Target;
  readonly root: string;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** Whose sessions are meant; damaged receipts, and what was moved by hand, count as AGH's. */
async function runtimeOf(target: Target, asked: PlaceOptions["runtime"]): Promise<Receipt["runtime"]> {
  if (asked !== undefined && asked !== "auto") return asked;
  const found = new Set<Receipt["runtime"]>();
  for await (const { runtime } of receipts(target, () => undefined)) found.add(runtime);
  if (found.size < 2) return [...found][0] ?? "agh";
  const names = [...found].sort();
  throw usageError(`${target.url} holds archives of ${names.join(" and ")}`, `--runtime ${names.join("|")}`);
}

async function layOutAllRows(
  runtime: Receipt["runtime"],
  { target, root, deps }: Laying,
): Promise<ReadonlySet<string>> {
  const archival = await (await sourceNamed(runtime)).archival!();
  const home = { runtime, place: `archive:${target.url}`, root, id: "", live: false };
  const homes = new Set<string>();
  const rows: RowsFile[] = [];
  for await (const receipt of receipts(target, (error) => deps.log.problem(asPartial(error)))) {
    deps.signal.throwIfAborted();
    if (receipt.runtime !== runtime) continue;
    const found = await orTell(() => layOutRows(target, receipt, archival, home), deps);
    if (!found) continue;
    rows.push(found);
    homes.add(receipt.home_id);
  }
  makeRowDatabase(root, archival, rows);
  return homes;
}

/** The ids of the homes that the sessions came from. */
async function layOut(laying: Laying): Promise<ReadonlySet<string>> {
  const { target, root, deps, isMeant } = laying;
  mkdirSync(osPath(sessionsDir(root)), { recursive: true, mode: 0o700 });
  const homes = new Set<string>();
  const known = new Set<string>();
  const rows: RowsFile[] = [];
  const damaged = (error: ToolError, id: string): void => {
    known.add(id);
    if (isMeant(id)) deps.log.problem(asPartial(error));
  };
  for await (const receipt of receipts(target, damaged)) {
    deps.signal.throwIfAborted();
    known.add(receipt.session_id);
    if (receipt.runtime !== "agh") continue;
    homes.add(receipt.home_id);
    if (!isMeant(receipt.session_id)) continue;
    const found = await orTell(() => layOutOne(receipt, laying), deps);
    if (found) rows.push(found);
  }
  let byHand = 0;
  for await (const held of heldByHand(target, known)) {
    byHand++;
    if (!isMeant(held.id)) continue;
    await orTell(() => layOutByHand(held, laying), deps);
  }
  if (known.size + byHand === 0) {
    throw placeError(
      "E_NO_ARCHIVES",
      `there are no archives at ${target.url}`,
      "name the target: --home archive:TARGET",
    );
  }
  makeDatabase(catalogFile(root), (db) => fillCatalog(db, rows));
  return homes;
}

async function layOutOne(receipt: Receipt, { target, root }: Laying): Promise<RowsFile> {
  const id = receipt.session_id;
  const lines = joinPath(root, `.rows-${id}`);
  await unpack(target, receipt, (file) => (file.path === ROWS ? lines : placeOf(root, receipt, file)));
  try {
    return decodeRows(readFileSync(osPath(lines)));
  } catch (error) {
    throw hostile(`the archive of ${id}`, `rows that put never writes (${(error as Error).message})`);
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

async function layOutByHand(held: ByHand, { target, root, scratch }: Laying): Promise<true | undefined> {
  const dir = held.form === "directory" ? held.path : await unpackByHand(target, held, scratch.fresh());
  const from = sessionWithin(dir);
  if (from === undefined) return undefined;
  try {
    const options = { recursive: true, preserveTimestamps: true, filter: (path: string) => !path.endsWith("-shm") };
    cpSync(osPath(from) as string, sessionDir(root, held.id), options);
  } catch (error) {
    throw fileTrouble(from, "read", error);
  }
  return true;
}

async function orTell<T>(act: () => Promise<T>, deps: Deps): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return undefined;
  }
}
