// What a target holds, and which of it a command line means.
import { receiptId, type Receipt } from "../formats/archive/receipt.ts";
import { readReceipt } from "../formats/archive/archive-reader.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError, ToolError, usageError } from "../records/error.ts";
import { resolveIds } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { listManualArchives, type ManualArchive } from "../places/manual-archives.ts";
import { filterArchives } from "./filter-archives.ts";

/** One target and what of it is selected; no ids and not all: nothing. */
export interface ArchiveSelection {
  readonly target: string;
  readonly ids: readonly string[];
  readonly all: boolean;
  /** Narrows both; its ids are none. */
  readonly filter?: SessionFilter;
}

/** A session in a target. `error` is why its receipt cannot be used. */
export type ArchiveEntry =
  | { readonly id: string; readonly receipt: Receipt }
  | { readonly id: string; readonly error: ToolError }
  | { readonly id: string; readonly manual: ManualArchive };

export interface TargetArchives {
  readonly target: Target;
  readonly entries: readonly ArchiveEntry[];
}

/** Reads receipts only. A directory that is not there → E_NO_ARCHIVES (6). Ids resolve as everywhere. */
export async function listArchives(
  { target: url, ids, all, filter }: ArchiveSelection,
  deps: Deps,
): Promise<TargetArchives> {
  const target = targetOf(url);
  const known = await listReceiptIds(target);
  if (!all && ids.length === 0) return { target, entries: [] };
  const manualArchives = new Map<string, ManualArchive>();
  for await (const it of listManualArchives(target, known)) manualArchives.set(it.id, it);
  const everything = new Set([...known, ...manualArchives.keys()]);
  const selected = all ? everything : resolve(ids, everything, target, deps);
  const entries: ArchiveEntry[] = [];
  for (const id of [...selected].sort()) {
    deps.signal.throwIfAborted();
    entries.push(known.has(id) ? await loadEntry(target, id) : { id, manual: manualArchives.get(id)! });
  }
  return { target, entries: filter ? filterArchives(entries, target, filter) : entries };
}

function resolve(ids: readonly string[], known: ReadonlySet<string>, target: Target, deps: Deps): ReadonlySet<string> {
  try {
    return resolveIds(ids, known, deps.log);
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.usage) throw error;
    throw usageError(
      error.message.replace("session '", `session in ${target.url} called '`),
      `agh-archive list --from ${target.url} --format ids`,
    );
  }
}

/** Ids that have a receipt. */
async function listReceiptIds(target: Target): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  let seen = false;
  for await (const { key } of target.list("")) {
    seen = true;
    const id = receiptId(key);
    if (id !== undefined) ids.add(id);
  }
  if (!seen && target.dir !== undefined) await assertExists(target);
  return ids;
}

async function assertExists(target: Target): Promise<void> {
  const { existsSync } = await import("node:fs");
  const { osPath } = await import("../files/os-path.ts");
  if (existsSync(osPath(target.dir!))) return;
  throw placeError(
    "E_NO_ARCHIVES",
    `the archive target ${target.url} does not exist`,
    "name the target: --from TARGET",
  );
}

async function loadEntry(target: Target, id: string): Promise<ArchiveEntry> {
  try {
    const receipt = await readReceipt(target, id);
    if (receipt) return { id, receipt };
    return { id, error: placeError("E_RECEIPT_MISSING", `the receipt of ${id} was removed from ${target.url}`) };
  } catch (error) {
    if (error instanceof ToolError && error.code.startsWith("E_RECEIPT_")) return { id, error: error };
    throw error;
  }
}
