// What a repository holds: its snapshots, and the paths of one.
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { isSelected, readListing, resolveSnapshot, type SnapshotFilter } from "../formats/repository/snapshots.ts";
import { SnapshotStates } from "../formats/repository/snapshot-state.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import type { Deps } from "../records/deps.ts";
import type { EntryRecord, GapRecord, SnapshotRecord } from "../records/toolkit-kinds.ts";
import { asPartial, usageError, type ToolError } from "../records/error.ts";
import { faultProblem, lookAtRepository, reportFaults } from "./monitor/look-at-repository.ts";
import { listSnapshotSessions, type SnapshotSessions } from "./restore/find-session.ts";
import { entryRecord, gapRecord, snapshotRecord } from "./records.ts";

export interface ListSnapshots extends SnapshotFilter {
  readonly repo: string;
  /** Only those that bear every one of these tags. */
  readonly tags?: readonly string[];
  /** Only those that hold this session: a full id, or a unique prefix. */
  readonly session?: string | undefined;
}

/** Snapshots, newest first; what is damaged, missing or swapped in the repository is a problem (3). */
export async function* listSnapshots(options: ListSnapshots, deps: Deps): AsyncGenerator<SnapshotRecord> {
  const { log, env } = deps;
  const repo = await openRepository(options.repo, { env });
  const problem = (error: ToolError): void => log.problem(asPartial(error));
  const { manifests, problems, faults } = await lookAtRepository(repo, deps);
  problems.forEach(problem);
  for (const fault of faults) problem(faultProblem(fault, repo));
  const states = await SnapshotStates.read(repo, problem, deps.now());
  const selected = manifests.filter(
    (manifest) => isSelected(manifest, options) && (options.tags ?? []).every((tag) => manifest.tags.includes(tag)),
  );
  const recordOf = (manifest: Manifest): SnapshotRecord => snapshotRecord(repo.url, manifest, states.of(manifest));
  if (options.session !== undefined)
    return yield* listHolding(repo, selected, { word: options.session, recordOf }, deps);
  yield* selected.map(recordOf);
}

interface Holding {
  readonly word: string;
  recordOf(manifest: Manifest): SnapshotRecord;
}

/** `newest` first; a prefix means the same session in all of them. */
async function* listHolding(
  repo: Repository,
  newest: readonly Manifest[],
  { word, recordOf }: Holding,
  deps: Deps,
): AsyncGenerator<SnapshotRecord> {
  const read = new Map<Manifest, SnapshotSessions>();
  const sessionsIn = async (manifest: Manifest): Promise<SnapshotSessions> => {
    const sessions = read.get(manifest) ?? (await listSnapshotSessions(repo, manifest, deps));
    read.set(manifest, sessions);
    return sessions;
  };
  let id: string | undefined;
  for (const manifest of newest) id ??= await (await sessionsIn(manifest)).find(word);
  if (id === undefined) throw usageError(`no snapshot holds a session '${word}'`, `agh-backup list --repo ${repo.url}`);
  for (const manifest of newest) {
    const last_sequence = await (await sessionsIn(manifest)).lastSequence(id);
    if (last_sequence !== undefined) yield { ...recordOf(manifest), last_sequence };
  }
}

export interface ShowSnapshot extends SnapshotFilter {
  readonly repo: string;
  readonly id: string;
}

/** The snapshot, then its paths in the order of the listing. */
export async function* showSnapshot(
  options: ShowSnapshot,
  deps: Deps,
): AsyncGenerator<SnapshotRecord | GapRecord | EntryRecord> {
  const { signal, env, log } = deps;
  const repo = await openRepository(options.repo, { env });
  const manifest = await resolveSnapshot(repo, options.id, options);
  await reportFaults(repo, deps);
  const states = await SnapshotStates.read(repo, (error) => log.problem(asPartial(error)), deps.now());
  yield snapshotRecord(repo.url, manifest, states.of(manifest));
  for (const each of manifest.coverage) yield gapRecord(manifest.id, each);
  for await (const line of readListing(repo, manifest)) {
    signal.throwIfAborted();
    yield entryRecord(manifest.id, line);
  }
}
