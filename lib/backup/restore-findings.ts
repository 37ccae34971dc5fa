// What is worth knowing about a restore that went well.
import type { Manifest } from "../formats/manifest.ts";
import type { Finding } from "../records/judgements.ts";
import type { Prepared } from "./prepare-into.ts";

export function vaultFinding(home: string, { runtime, id }: Manifest): Finding {
  return {
    kind: "finding",
    runtime,
    home,
    code: "VAULT_KEY_MISSING",
    severity: "warn",
    message:
      "the vault has secrets but its key is not in the snapshot: AGH would make a new key and could not read them",
    evidence: { snapshot: id, missing: "vault.key", hint: "put vault.key (0600) back before AGH starts" },
  };
}

/** A restore into a home leaves alone what config.toml or the catalog places outside it. */
export function* outsideFindings({ outside = new Map() }: Prepared, manifest: Manifest): Generator<Finding> {
  const { runtime, home_path: home, id, roots } = manifest;
  for (const [root, files] of outside) {
    const dir = roots.find(({ name }) => name === root)?.dir ?? root;
    const hint = `agh-backup restore ${id} --to DIR lays it out below DIR/.agh-toolkit/outside/${root}`;
    yield {
      kind: "finding",
      runtime,
      home,
      id: dir,
      code: "OUTSIDE_NOT_RESTORED",
      severity: "warn",
      message: `${dir} lies outside the home: its ${files} files in the snapshot are not restored`,
      evidence: { snapshot: id, root, files, hint },
    };
  }
}
