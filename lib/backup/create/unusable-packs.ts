// Packs that a create must not rely on: an index names them, and they are not there, or are too short for what they hold.
import { PACKS } from "../../formats/repository/layout.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Finding } from "../../records/result-kinds.ts";

export const unusableFinding = ({ url }: Repository, packs: ReadonlySet<string>): Finding => ({
  kind: "finding",
  id: PACKS,
  code: "PACK_MISSING",
  severity: "error",
  message: `${packs.size === 1 ? "1 pack" : `${packs.size} packs`} of ${url} ${packs.size === 1 ? "is" : "are"} missing or cut short: what this home needs of them is stored again`,
  evidence: { repo: url, packs: packs.size, hint: `agh-backup reindex --repo ${url}` },
});
