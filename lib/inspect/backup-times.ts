// When a home was last backed up, from the repository that AGH_BACKUP_REPO names.
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { HomeRecord } from "../records/runtime-kinds.ts";

/** Nothing where no repository is named; null where it holds no snapshot of the home. */
export async function readBackupTimes(
  homeId: string,
  deps: Deps,
): Promise<Pick<HomeRecord, "last_backup_at" | "last_drill_at">> {
  const url = deps.env["AGH_BACKUP_REPO"];
  if (!url) return {};
  const { openRepository } = await import("../formats/repository/repository.ts");
  const { listDrills: drillsOf } = await import("../formats/repository/drill-result.ts");
  const { listManifests: newestFirst } = await import("../formats/repository/snapshots.ts");
  try {
    const repo = await openRepository(url, { env: deps.env });
    let last_drill_at: string | null = null;
    for await (const { home_id, finished_at } of drillsOf(repo, (error) => deps.log.problem(error))) {
      if (home_id === homeId) last_drill_at ??= finished_at;
    }
    for await (const { finished_at } of newestFirst(repo, { homeId }))
      return { last_backup_at: finished_at, last_drill_at };
    return { last_backup_at: null, last_drill_at };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const { code, message, hint, cause } = error;
    deps.log.problem(new ToolError({ code, message: `AGH_BACKUP_REPO: ${message}`, hint, exit: EXIT.partial, cause }));
    return {};
  }
}
