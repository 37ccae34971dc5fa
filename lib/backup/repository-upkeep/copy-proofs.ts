// Takes along what is known of copied snapshots: results of drills and deep verifications, and acceptances.
import { listAcceptances, putAcceptance } from "../../formats/repository/acceptance.ts";
import { listDrills, putDrill, type DrillResult } from "../../formats/repository/drill-result.ts";
import { ACCEPTED, DRILLS, nameIn } from "../../formats/repository/layout.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, type ToolError } from "../../records/error.ts";

interface CopyProofs {
  readonly from: Repository;
  readonly to: Repository;
  /** Their ids; those that were there already may have been drilled since. */
  readonly snapshots: ReadonlySet<string>;
}

/** A damaged result is a problem (3). */
export async function copyProofs({ from, to, snapshots }: CopyProofs, { log }: Pick<Deps, "log">): Promise<void> {
  const problem = (error: ToolError): void => log.problem(asPartial(error));
  const existing = await namesBelow(to, [DRILLS, ACCEPTED]);
  const isNew = ({ id, snapshot }: { readonly id: string; readonly snapshot: string }): boolean =>
    snapshots.has(snapshot) && !existing.has(id);
  for await (const result of listDrills(from, problem)) {
    if (isNew(result)) await putDrill(to, to.envelope ? withoutMessages(result) : result);
  }
  for await (const acceptance of listAcceptances(from, problem)) {
    if (isNew(acceptance)) await putAcceptance(to, acceptance);
  }
}

async function namesBelow({ target }: Repository, prefixes: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const prefix of prefixes) for await (const { key } of target.list(prefix)) names.add(nameIn(key));
  return names;
}

/** A result is no age file: of an encrypted repository it says no more than ids and codes. */
const withoutMessages = (result: DrillResult): DrillResult => ({
  ...result,
  findings: result.findings.map((finding) => ({ ...finding, message: "" })),
});
