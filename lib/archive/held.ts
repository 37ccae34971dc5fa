// What a target holds, and which of it a command line means.
import { receiptId, type Receipt } from "../formats/receipt.ts";
import { readReceipt } from "../formats/archive-reader.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError, ToolError, usageError } from "../records/error.ts";
import { resolveIds } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { heldByHand, type ByHand } from "../places/by-hand.ts";
import { judged } from "./judged.ts";

/** One target and what of it is meant; no ids and not all: nothing. */
export interface Meant {
  readonly target: string;
  readonly ids: readonly string[];
  readonly all: boolean;
  /** Narrows both; its ids are none. */
  readonly filter?: SessionFilter;
}

/** A session in a target. `trouble` tells why its receipt cannot be used. */
export type Held =
  | { readonly id: string; readonly receipt: Receipt }
  | { readonly id: string; readonly trouble: ToolError }
  | { readonly id: string; readonly byHand: ByHand };

export interface Shelved {
  readonly target: Target;
  readonly held: readonly Held[];
}

/** Reads receipts only. A directory that is not there → E_NO_ARCHIVES (6). Ids resolve as everywhere. */
export async function heldIn({ target: url, ids, all, filter }: Meant, deps: Deps): Promise<Shelved> {
  const target = targetOf(url);
  const known = await idsIn(target);
  if (!all && ids.length === 0) return { target, held: [] };
  const byHand = new Map<string, ByHand>();
  for await (const it of heldByHand(target, known)) byHand.set(it.id, it);
  const everything = new Set([...known, ...byHand.keys()]);
  const wanted = all ? everything : resolve(ids, everything, target, deps);
  const held: Held[] = [];
  for (const id of [...wanted].sort()) {
    deps.signal.throwIfAborted();
    held.push(known.has(id) ? await receipted(target, id) : { id, byHand: byHand.get(id)! });
  }
  return { target, held: filter ? judged(held, target, filter) : held };
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
async function idsIn(target: Target): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  let seen = false;
  for await (const { key } of target.list("")) {
    seen = true;
    const id = receiptId(key);
    if (id !== undefined) ids.add(id);
  }
  if (!seen && target.dir !== undefined) await assertThere(target);
  return ids;
}

async function assertThere(target: Target): Promise<void> {
  const { existsSync } = await import("node:fs");
  const { osPath } = await import("../files/os-path.ts");
  if (existsSync(osPath(target.dir!))) return;
  throw placeError("E_NO_ARCHIVES", `there are no archives at ${target.url}`, "name the target: --from TARGET");
}

async function receipted(target: Target, id: string): Promise<Held> {
  try {
    const receipt = await readReceipt(target, id);
    if (receipt) return { id, receipt };
    return { id, trouble: placeError("E_RECEIPT_MISSING", `the receipt of ${id} has gone from ${target.url}`) };
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_RECEIPT_DAMAGED") return { id, trouble: error };
    throw error;
  }
}
