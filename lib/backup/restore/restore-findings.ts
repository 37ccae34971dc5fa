// What is worth knowing about a restore that went well.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** What the restored home cannot do without and does not have. */
export async function* restoredFindings(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  { runtime, id }: Manifest,
): AsyncGenerator<Finding> {
  const custody = await source.custody?.();
  for (const { evidence, ...found } of custody?.restored?.(home, home.root) ?? []) {
    yield {
      kind: "finding",
      runtime,
      home: home.place,
      ...found,
      evidence: { snapshot: id, ...(evidence as object) },
    };
  }
}

/** A restore into a home leaves alone what its settings or its catalog place outside it. */
export function* outsideFindings(outside: ReadonlyMap<string, number>, manifest: Manifest): Generator<Finding> {
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

/** Databases that were copied without their logins, and so come back without them. `isRestored` is asked of paths of the home. */
export function* emptyTableFindings(
  { runtime, id, home_path: home, coverage }: Manifest,
  isRestored: (path: string) => boolean,
): Generator<Finding> {
  for (const { root, path, tables = [] } of coverage) {
    if (root !== "home" || tables.length === 0 || !isRestored(path)) continue;
    yield {
      kind: "finding",
      runtime,
      home,
      id: path,
      code: "LOGINS_NOT_RESTORED",
      severity: "info",
      message: `${path} comes back without the rows of ${tables.join(", ")}: log in again`,
      evidence: { snapshot: id, tables },
    };
  }
}
