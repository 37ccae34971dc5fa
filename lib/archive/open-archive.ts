// An archived session on its way into a home, whatever it was archived as.
import { ArchiveParts, type PartsContext } from "../custody/archive-parts.ts";
import { adoptedParts } from "../custody/directory-parts.ts";
import type { IncomingSession } from "../custody/incoming-session.ts";
import { loadCustody } from "../custody/open-custody.ts";
import type { ManualArchive } from "../places/manual-archives.ts";
import { unpackManualArchive } from "../places/unpack-manual-archive.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { Target } from "../targets/target.ts";
import type { ArchiveEntry } from "./list-archives.ts";

export interface OpenContext extends PartsContext {
  readonly env: Deps["env"];
}

/** Throws what is wrong with the receipt (6), or with what was moved by hand. */
export async function openArchive(target: Target, entry: ArchiveEntry, context: OpenContext): Promise<IncomingSession> {
  if ("error" in entry) throw entry.error;
  return "receipt" in entry
    ? new ArchiveParts(target, entry.receipt, context)
    : openManual(target, entry.manual, context);
}

async function openManual(target: Target, archive: ManualArchive, context: OpenContext): Promise<IncomingSession> {
  const { id, runtime, form, path } = archive;
  const dir = form === "directory" ? path : await unpackManualArchive(target, archive, context.scratch.fresh());
  const adopted = (await loadCustody(runtime)).manual!.adopt(id, dir, context);
  if (adopted) return adoptedParts(adopted);
  throw refusal("E_NO_SESSION_IN_IT", `${dir} holds no valid session ${id}`, "check its meta.json");
}
