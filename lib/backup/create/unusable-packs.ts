// Packs that a create must not rely on: an index names them, and they are not there, or are too short for what they hold.
import { nameIn, PACKS } from "../../formats/repository/layout.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** Seen by one listing of the repository: names and sizes. */
export async function findUnusablePacks(repo: Repository): Promise<ReadonlySet<string>> {
  const ends = (await repo.index()).packEnds();
  if (ends.size === 0) return new Set();
  const sizes = new Map<string, number>();
  for await (const { key, size } of repo.target.list(PACKS)) sizes.set(nameIn(key), size);
  return new Set([...ends].filter(([pack, end]) => !((sizes.get(pack) ?? -1) >= end)).map(([pack]) => pack));
}

export const unusableFinding = ({ url }: Repository, packs: ReadonlySet<string>): Finding => ({
  kind: "finding",
  id: PACKS,
  code: "PACK_MISSING",
  severity: "error",
  message: `${packs.size === 1 ? "1 pack" : `${packs.size} packs`} of ${url} ${packs.size === 1 ? "is" : "are"} missing or cut short: what this home needs of them is stored again`,
  evidence: { repo: url, packs: packs.size, hint: `agh-backup reindex --repo ${url}` },
});
