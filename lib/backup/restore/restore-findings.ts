// What is worth knowing about a restore that went well.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { StagedRestore } from "./stage-in-place.ts";

export function vaultFinding(home: string, { runtime, id }: Manifest): Finding {
  return {
    kind: "finding",
    runtime,
    home,
    code: "VAULT_KEY_MISSING",
    severity: "warn",
    message:
      "the vault holds secrets but its key is not in the snapshot: AGH would create a new key and could not read them",
    evidence: { snapshot: id, missing: "vault.key", hint: "put vault.key (0600) back before AGH starts" },
  };
}

/** A restore into a home leaves alone what config.toml or the catalog places outside it. */
export function* outsideFindings({ outside = new Map() }: StagedRestore, manifest: Manifest): Generator<Finding> {
  const { runtime, home_path: home, id, roots } = manifest;
  for (const [root, files] of outside) {
    const dir = roots.find(({ name }) => name === root)?.dir ?? root;
    const hint = `agh-backup restore ${id} --to DIR restores it below DIR/.agh-toolkit/outside/${root}`;
    yield {
      kind: "finding",
      runtime,
      home,
      id: dir,
      code: "OUTSIDE_NOT_RESTORED",
      severity: "warn",
      message: `${dir} is outside the home: its files in the snapshot (${files}) are not restored`,
      evidence: { snapshot: id, root, files, hint },
    };
  }
}
