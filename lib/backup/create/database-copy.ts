// One database opened to be copied as it was at one moment: where it lies, or a private copy where that cannot be.
import { closeSync, existsSync, fstatSync, openSync, rmSync } from "node:fs";
import { hash } from "node:crypto";
import { toFileError } from "../../files/errors.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import type { DatabaseLine } from "../../formats/repository/listing.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import type { SecretTables } from "../../sources/classes.ts";
import { checkpointWal } from "../../sqlite/change/checkpoint.ts";
import { copyWithoutSecrets } from "../../sqlite/copy/copy-without-secrets.ts";
import { copyCut, openCut, verifyCut, type Cut, type CutReader } from "../../sqlite/copy/cut.ts";
import { hasWalFlag } from "../../sqlite/copy/vacuum-into.ts";
import { isWriteFailure } from "../../sqlite/errors.ts";
import { backupInto } from "../../sqlite/read/read-snapshot.ts";
import { pagesOf, type Pages } from "../../sqlite/read/pages.ts";
import { readTableDefinitions } from "../../sqlite/read/table-definitions.ts";
import { walPath } from "../../sqlite/sidecars.ts";
import { openRolledBack } from "./rolled-back-copy.ts";

export interface CopiedFile {
  readonly file: string;
  /** For private copies. */
  readonly scratch: Scratch;
  /** What of it is not copied. */
  readonly secrets?: SecretTables | undefined;
  /** Throws where what was opened is not to be read. */
  assertReadable?(opened: CutReader): void;
}

export interface DatabaseCopy extends CutReader {
  readonly copied: DatabaseLine["copied"];
  /** Of a rewritten one: the tables that are empty in it. */
  readonly without?: readonly string[];
  /** Asked after reading: whether what was read is the cut. */
  isSame(): boolean;
}

/** The database as it was at the cut; undefined when it has moved on. E_JOURNAL, E_NOT_REWRITTEN (3) when no copy can be made. */
export function openDatabaseCopy(of: CopiedFile, cut: Cut): DatabaseCopy | undefined {
  const { file, scratch, secrets } = of;
  const opened = cut.journal ? openRolledBack(file, cut, scratch) : openCut(file, cut);
  if (!opened) return undefined;
  if (!cut.journal) assertReadable(of, opened);
  if (secrets && mayHold(secrets, pagesIn(opened))) {
    opened[Symbol.dispose]();
    return openRewritten(of, (copy) => copyCut(file, cut, copy) === "same");
  }
  const copied = cut.journal ? "online" : opened.wal === undefined ? "resting" : "pair";
  return { ...opened, copied, isSame: () => verifyCut(file, cut) === "same" };
}

function assertReadable(of: CopiedFile, opened: CutReader): void {
  try {
    of.assertReadable?.(opened);
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

const LOCK_MS = 2000;

/**
 * The database as it is now, by SQLite's online backup in one short read transaction: for one that never holds still.
 * Undefined where its writers do not let anybody read, or have closed it.
 */
export async function openOnlineCopy(of: CopiedFile): Promise<DatabaseCopy | undefined> {
  const { file, scratch, secrets } = of;
  const dir = scratch.fresh();
  const discard = (): void => scratch.discard(dir);
  const copy = joinPath(dir, "database");
  try {
    if (!isShared(file)) return (discard(), undefined);
    await backupInto(file, copy, { timeout: LOCK_MS });
    const opened = openPrivate(copy, discard);
    if (!secrets || !mayHold(secrets, pagesIn(opened))) return { ...opened, copied: "online" };
    closeSync(opened.main);
    const rewritten = rewrite(of, dir, copy);
    return { ...openPrivate(rewritten.out, discard), copied: "rewritten", without: rewritten.without };
  } catch (error) {
    discard();
    if (!(error instanceof ToolError) || error.code === "E_NOT_REWRITTEN" || isWriteFailure(error)) throw error;
    return undefined;
  }
}

/** Whether a reader of a database with a WAL would join its writers; without them it would leave sidecars of its own. */
const isShared = (file: string): boolean =>
  !hasWalFlag(file) || (existsSync(osPath(walPath(file))) && existsSync(osPath(`${file}-shm`)));

/** Which rules a copy was made by, in a word. */
export const rulesOf = ({ tables, columns }: SecretTables): string =>
  hash("sha256", JSON.stringify([tables, columns])).slice(0, 16);

function openRewritten(of: CopiedFile, copyTo: (copy: string) => boolean): DatabaseCopy | undefined {
  const dir = of.scratch.fresh();
  const discard = (): void => of.scratch.discard(dir);
  try {
    const copy = joinPath(dir, "database");
    if (!copyTo(copy)) return (discard(), undefined);
    const { out, without } = rewrite(of, dir, copy);
    return { ...openPrivate(out, discard), copied: "rewritten", without };
  } catch (error) {
    discard();
    throw error;
  }
}

function rewrite({ file, secrets }: CopiedFile, dir: string, copy: string): { out: string; without: string[] } {
  const out = joinPath(dir, "rewritten");
  try {
    checkpointWal(copy);
    const without = copyWithoutSecrets(copy, out, secrets!);
    rmSync(osPath(copy));
    return { out, without };
  } catch (cause) {
    if (isWriteFailure(cause)) throw toFileError(out, "write", cause);
    if (!(cause instanceof ToolError)) throw cause;
    const reason = cause.message.replaceAll(copy, "it").replaceAll(out, "it");
    const message = `${file} cannot be copied without its logins: ${reason}`;
    const hint = `agh-reconcile salvage it, or --include ${secrets!.class}`;
    throw new ToolError({ code: "E_NOT_REWRITTEN", message, hint, exit: EXIT.partial, cause });
  }
}

function openPrivate(file: string, discard: () => void): Omit<DatabaseCopy, "copied"> {
  const main = openSync(osPath(file), "r");
  return {
    main,
    mainSize: fstatSync(main).size,
    wal: undefined,
    walSize: 0,
    isSame: () => true,
    [Symbol.dispose]: () => (closeSync(main), discard()),
  };
}

/** The pages of what was opened; undefined where it has none. */
export const pagesIn = ({ main, mainSize, wal, walSize }: CutReader): Pages | undefined =>
  pagesOf({ fd: main, length: mainSize }, wal === undefined ? undefined : { fd: wal, length: walSize });

/** By the text of its schema; a schema that cannot be read may hold anything. */
function mayHold({ tables, columns, always }: SecretTables, pages: Pages | undefined): boolean {
  if (always) return true;
  const found = pages && readTableDefinitions(pages);
  if (!found) return true;
  return found.some(({ name, sql }) => {
    const text = sql.toLowerCase();
    return tables.includes(name.toLowerCase()) || columns.some((column) => text.includes(column));
  });
}
