// What a snapshot was to hold and does not, as findings: in every run, not only in the first.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Finding } from "../../records/result-kinds.ts";

export function* missingFindings({ id: snapshot, runtime, home_path, coverage }: Manifest): Generator<Finding> {
  for (const { root, path, class: of, code, reason, missing, accepted } of coverage) {
    if (!missing || accepted || code === undefined) continue;
    const id = path === "" ? root : `${root}/${path}`;
    yield {
      kind: "finding",
      runtime,
      home: home_path,
      id,
      code,
      severity: "error",
      message: `${id} is not in the snapshot: ${reason}`,
      evidence: { snapshot, root, path, class: of },
    };
  }
}
