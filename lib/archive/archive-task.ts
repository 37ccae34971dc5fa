// One piece of work for a thread of agh-archive, and the doing.
import type { Scratch } from "../files/scratch.ts";
import type { Receipt } from "../formats/archive/receipt.ts";
import { targetOf } from "../targets/target.ts";
import { compareArchive } from "./compare.ts";
import { pack, type PackContext, type Packed, type PackRequest } from "./pack.ts";

/** One piece of work: a session to be packed, or an archive in a local directory to be read back. */
export type ArchiveTask =
  | { readonly pack: PackRequest }
  | { readonly compare: { readonly target: string; readonly receipt: Receipt } };

/** Undefined for an archive that holds what its receipt says, and for a session that changed while it was packed. */
export async function runTask(work: ArchiveTask, context: PackContext, scratch: Scratch): Promise<Packed | undefined> {
  if ("pack" in work) return pack(work.pack, scratch, context);
  const { target, receipt } = work.compare;
  await compareArchive(targetOf(target), receipt, scratch, context);
  return undefined;
}
