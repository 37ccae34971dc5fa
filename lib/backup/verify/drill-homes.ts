// Drills the newest snapshot of every home of a repository: what cron runs.
import { openRepository } from "../../formats/repository/repository.ts";
import { listNewest } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, EXIT, ToolError, type Exit } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { drillSnapshot, type DrillSnapshot } from "./drill.ts";

/** As `drillSnapshot` of each, with one `summary`. A home whose drill could not run is a problem (3); the others go on. */
export async function* drillHomes(options: Omit<DrillSnapshot, "id">, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const newest = await listNewest(repo, options, (error) => deps.log.problem(asPartial(error)));
  if (newest.length < 2) return yield* drillSnapshot({ ...options, id: newest[0]?.id ?? "latest" }, deps);
  const tally = new Tally("agh-backup drill", deps, ulid(deps.now()));
  for (const { id } of newest) {
    const problems = deps.log.problems?.length ?? 0;
    try {
      for await (const record of drillSnapshot({ ...options, id }, deps)) {
        if (record.kind !== "summary") yield record;
        else addTo(tally, record as unknown as DrillSummary, (deps.log.problems?.length ?? 0) - problems);
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      deps.log.problem(asPartial(error, `${id}: `));
    }
  }
  yield tally.summary();
}

interface DrillSummary {
  readonly items: number;
  readonly failed: number;
  readonly bytes: number;
  readonly exit: Exit;
}

/** Problems count as items of both: of the whole they are counted by its own tally. */
function addTo(tally: Tally, { items, failed, bytes, exit }: DrillSummary, problems: number): void {
  tally.done(bytes, items - failed);
  if (exit !== EXIT.ok) tally.failed(exit, failed - problems);
}
