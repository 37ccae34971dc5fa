// What is wrong with a snapshot just taken: what it lost against earlier ones, what is destroyed, and that it holds nothing.
import type { Manifest, Suspicion } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { findLosses, type ComparedSnapshot } from "../losses/find-losses.ts";
import { openListing } from "../losses/pair-lines.ts";
import type { BackupJob } from "./backup-job.ts";
import type { EarlierSnapshots } from "./earlier-snapshots.ts";

export const NOTHING_TO_BACK_UP = "NOTHING_TO_BACK_UP";

interface TakenSnapshot {
  readonly job: BackupJob;
  /** Earlier snapshots, and where they are. */
  readonly repo?: Repository;
  readonly earlier?: EarlierSnapshots;
  readonly snapshot: ComparedSnapshot;
  readonly hasCatalog: boolean;
}

/** A reference that cannot be read is a problem; what was suspected of the parent is then suspected still. */
export async function findSuspicions(
  taken: TakenSnapshot,
  problem: (error: ToolError) => void,
  deps: Deps,
): Promise<readonly Suspicion[]> {
  const { snapshot, hasCatalog, job } = taken;
  const { parent, reference: newest, complete } = taken.earlier ?? {};
  const found = new Map<string, Suspicion>();
  const add = (suspicion: Suspicion): void => {
    const key = [suspicion.code, suspicion.id, suspicion.path].join("\0");
    if (!found.has(key)) found.set(key, suspicion);
  };
  for (const reference of complete ? [newest, complete] : [newest]) {
    try {
      for await (const loss of lossesAgainst(reference, taken, deps)) add(loss);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      problem(error);
      parent?.suspicions?.forEach(add);
    }
  }
  if (snapshot.totals.sessions === 0 && !hasCatalog) {
    const message = `${job.home.place} has neither sessions nor a catalog: nothing of it is worth a backup`;
    add({ code: NOTHING_TO_BACK_UP, message, evidence: { home: job.home.root } });
  }
  return [...found.values()];
}

async function* lossesAgainst(
  reference: Manifest | undefined,
  { job, repo, snapshot }: TakenSnapshot,
  deps: Deps,
): AsyncGenerator<Suspicion> {
  const { home, source } = job;
  yield* findLosses({
    source,
    snapshot,
    reference: reference && { ...reference, listing: await openListing(repo!, reference) },
    explainer: async (tombstones) => source.lossExplainer?.(home, withoutProblems(deps), tombstones),
  });
}

export const lossFinding = (
  { id: snapshot, runtime, home_path, reference }: Manifest,
  { code, id, path, message, evidence }: Suspicion,
): Finding => ({
  kind: "finding",
  runtime,
  home: home_path,
  ...(id !== undefined && { id }),
  code,
  severity: "error",
  message,
  evidence: { snapshot, reference: reference ?? null, ...(path !== undefined && { path }), ...evidence },
});
