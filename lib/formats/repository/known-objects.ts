// What this machine knows that a repository holds, and what of it is there no more although no prune has removed it.
import { asPartial, ToolError } from "../../records/error.ts";
import type { Log } from "../../records/deps.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { KnownSnapshot, LocalState } from "./local-state.ts";
import { readPruned, type PrunedObjects } from "./pruned.ts";
import type { Repository } from "./repository.ts";
import { vanishedFromLog, withoutGivenUp } from "./snapshots.ts";

export interface KnownObjects {
  readonly snapshots: { readonly [id: string]: KnownSnapshot };
  readonly packs: readonly string[];
}

/** Adds what was made or seen. That it cannot be remembered is told with -v: the repository is none the worse. */
export function rememberObjects(repo: Repository, known: Partial<KnownObjects>, log: Log): Promise<void> {
  const { snapshots = {}, packs = [] } = known;
  return updateState(repo, log, (state) => {
    const before = new Set(state.packs);
    const more = packs.filter((pack) => !before.has(pack));
    const isKnown = ([id, { sha256 }]: [string, KnownSnapshot]): boolean => state.snapshots?.[id]?.sha256 === sha256;
    if (more.length === 0 && Object.entries(snapshots).every(isKnown)) return state;
    return {
      ...state,
      snapshots: { ...state.snapshots, ...snapshots },
      packs: [...before, ...more],
    };
  });
}

/** Forgets what a prune has removed, or somebody has accepted as lost. */
export function forgetObjects(repo: Repository, { snapshots, packs }: PrunedObjects, log: Log): Promise<void> {
  const [lostSnapshots, lostPacks] = [new Set(snapshots), new Set(packs)];
  return updateState(repo, log, (state) => ({
    ...state,
    snapshots: Object.fromEntries(Object.entries(state.snapshots ?? {}).filter(([id]) => !lostSnapshots.has(id))),
    packs: (state.packs ?? []).filter((pack) => !lostPacks.has(pack)),
  }));
}

async function updateState(repo: Repository, log: Log, change: (state: LocalState) => LocalState): Promise<void> {
  try {
    await repo.localState?.update(change);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    log.info(`what ${repo.url} holds could not be remembered on this machine: ${error.message}`);
  }
}

/** What this machine remembers; that it cannot be read goes to `problem`. */
export function readKnownObjects(repo: Repository, problem: (error: ToolError) => void): KnownObjects {
  try {
    const { snapshots = {}, packs = [] } = repo.localState?.read() ?? {};
    return { snapshots, packs };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    problem(asPartial(error));
    return { snapshots: {}, packs: [] };
  }
}

/** A finding for each snapshot that is known and not among `existing`, though nobody has pruned it or given it up. */
export async function* findVanishedSnapshots(
  repo: Repository,
  { snapshots: known }: KnownObjects,
  existing: ReadonlySet<string>,
): AsyncGenerator<Finding> {
  for (const id of await findVanishedIds(repo, known, existing)) yield vanishedFinding(repo, id, known[id]);
}

/** What the log of a signed repository says goes before this machine's own list. */
async function findVanishedIds(
  repo: Repository,
  known: KnownObjects["snapshots"],
  existing: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (repo.authorship) return vanishedFromLog(repo, existing);
  const missing = Object.keys(known).filter((id) => !existing.has(id));
  if (missing.length === 0) return [];
  const pruned = new Set((await readPruned(repo)).snapshots);
  return withoutGivenUp(
    repo,
    missing.filter((id) => !pruned.has(id)),
  );
}

const vanishedFinding = ({ url }: Repository, id: string, known: KnownSnapshot | undefined): Finding => ({
  kind: "finding",
  id,
  code: "SNAPSHOT_VANISHED",
  severity: "error",
  message: `snapshot ${id} is not in ${url} any more, and no prune has removed it`,
  evidence: { repo: url, home_id: known?.home_id ?? null, hint: `agh-backup accept ${id} --because TEXT gives it up` },
});
