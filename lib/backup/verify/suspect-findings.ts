// Snapshots that create found something lost in: their bytes may be right, and still nobody should rely on them.
import { snapshotKey } from "../../formats/repository/layout.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** An error for one that was named and for the newest of its home; an older one is worth knowing. */
export async function* suspectFindings(
  repo: Repository,
  manifests: readonly Manifest[],
  { all }: { readonly all: boolean },
  { log }: Pick<Deps, "log">,
): AsyncGenerator<Finding> {
  if (!manifests.some(isSuspect)) return;
  const states = await SnapshotStates.read(repo, (error) => log.problem(asPartial(error)));
  const newest = new Map(manifests.map(({ home_id, id }) => [home_id, id]));
  for (const manifest of manifests.filter(isSuspect)) {
    const { id, runtime, home_id, suspicions = [] } = manifest;
    if (states.acceptanceOf(id)) continue;
    const others = suspicions.length > 1 ? `, and ${suspicions.length - 1} more` : "";
    yield {
      kind: "finding",
      runtime,
      id: snapshotKey(id),
      code: "SNAPSHOT_SUSPECT",
      severity: all && newest.get(home_id) !== id ? "info" : "error",
      message: `snapshot ${id} has lost something: ${suspicions[0]!.message}${others}`,
      evidence: { snapshot: id, suspicions: suspicions.map(({ code }) => code).slice(0, 10) },
    };
  }
}

const isSuspect = ({ suspicions = [] }: Manifest): boolean => suspicions.length > 0;
