// Drills the newest snapshot of every home of a repository: what cron runs.
import { openRepository } from "../../formats/repository/repository.ts";
import { listNewest } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, EXIT, ToolError, type Exit } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { drillSnapshot, type DrillSnapshot } from "./drill.ts";

/**
 * As `drillSnapshot` of each, with one `summary`. A home whose drill could not run is a problem (3); the others go on. So is a snapshot
 * that cannot be read; where one home at most can be, and the newest snapshot of all cannot, the drill of that one says so.
 */
export async function* drillHomes(options: Omit<DrillSnapshot, "id">, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const unreadable: ToolError[] = [];
  const report = (error: ToolError): void => deps.log.problem(asPartial(error));
  const newest = await listNewest(repo, options, (error, isNewest) => {
    if (isNewest) unreadable.push(error);
    else report(error);
  });
  if (newest.length < 2) return yield* drillSnapshot({ ...options, id: "latest" }, deps);
  unreadable.forEach(report);
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
