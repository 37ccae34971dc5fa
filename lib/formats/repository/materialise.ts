// A snapshot laid out in a scratch directory, so that it can be read like any home.
import { applyDirectoryMetadata, extract } from "./extract.ts";
import { openRepository } from "./repository.ts";
import { resolveSnapshot } from "./snapshots.ts";
import type { ListingLine } from "./listing.ts";
import type { Manifest } from "./manifest.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";

export interface MaterialiseOptions {
  readonly repo: string;
  /** A full id, a unique prefix, or `latest`. */
  readonly id: string;
  /** An empty directory, which becomes the home; what lay outside goes below its `.agh-toolkit/outside/<root>`. */
  readonly dir: string;
  readonly deps: Deps;
  readonly only?: (line: ListingLine) => boolean;
  /** The home that `latest` is of. */
  readonly homeId?: string | undefined;
}

/** Writes the snapshot's files. A file that is damaged in the repository is missing then, and a problem (3). */
export async function materialise({ repo: url, id, dir, deps, only, homeId }: MaterialiseOptions): Promise<Manifest> {
  const repo = await openRepository(url, { env: deps.env });
  const manifest = await resolveSnapshot(repo, id, { homeId });
  const plan = { repo, manifest, dir, only };
  const { faults } = await extract(plan, deps);
  for (const { path, code, message } of faults) {
    const hint = `agh-backup verify ${manifest.id} --level full --repo ${repo.url}`;
    const at = path.slice(dir.length + 1);
    deps.log.problem(new ToolError({ code: `E_${code}`, message: `${at}: ${message}`, hint, exit: EXIT.partial }));
  }
  await applyDirectoryMetadata(plan, "below");
  await applyDirectoryMetadata(plan, "top");
  return manifest;
}
