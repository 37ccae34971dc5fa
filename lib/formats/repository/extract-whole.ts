// Lays out a part of a snapshot that is of no use with anything missing.
import type { Deps } from "../../records/deps.ts";
import { placeError } from "../../records/error.ts";
import { applyDirectoryMetadata, extract, type ExtractOptions } from "./extract.ts";

/** As `extract`, with modes and times of all that lies below `dir`. Damage → exit 6. */
export async function extractWhole(options: ExtractOptions, deps: Deps): Promise<void> {
  const { repo, manifest, dir } = options;
  const { faults } = await extract(options, deps);
  const [fault] = faults;
  if (fault) {
    const more = faults.length > 1 ? ` and ${faults.length - 1} more` : "";
    const message = `${fault.path.slice(dir.length + 1)}${more} cannot be restored: ${fault.message}`;
    const hint = `agh-backup verify ${manifest.id} --level full --repo ${repo.url}`;
    throw placeError(`E_${fault.code}`, message, hint);
  }
  await applyDirectoryMetadata(options, "below");
}
