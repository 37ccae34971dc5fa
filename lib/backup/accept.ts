// Accepts a snapshot although something was lost: it is what later ones are compared with.
import { listAcceptances, putAcceptance, type Acceptance } from "../formats/repository/acceptance.ts";
import { forgetObjects } from "../formats/repository/known-objects.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import { openForWriting } from "../formats/repository/authorship/open-for-writing.ts";
import type { Repository } from "../formats/repository/repository.ts";
import { SnapshotStates } from "../formats/repository/snapshot-state.ts";
import { resolveSnapshot, snapshotIds, type SnapshotFilter } from "../formats/repository/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { asPartial, usageError, type ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { snapshotRecord } from "./records.ts";

export interface AcceptSnapshot extends SnapshotFilter {
  readonly repo: string;
  /** A full id, a unique prefix, or `latest`; of a snapshot that vanished the full id. */
  readonly id: string;
  readonly because: string;
  readonly dryRun?: boolean;
}

const ACCEPTANCE_FORMAT = 1;

/**
 * Yields the `snapshot` in its new state, and a `summary`. One that is neither suspect nor bad → exit 2. One that vanished
 * is given up: no check misses it any more.
 */
export async function* acceptSnapshot(options: AcceptSnapshot, deps: Deps): AsyncGenerator<AnyRecord> {
  const because = options.because.trim();
  if (because === "") throw usageError("the reason is empty", "--because 'the project was deleted on purpose'");
  const isWritten = !options.dryRun;
  const repo = await openForWriting(options.repo, { env: deps.env, signs: isWritten, pins: isWritten });
  const tally = new Tally("agh-backup accept", deps, ulid(deps.now()));
  const vanished = await findKnown(repo, options.id);
  const manifest = vanished ? undefined : await findDoubtful(repo, options, deps);
  const { id, home_id } = manifest ?? vanished!;
  if (!options.dryRun) await writeAcceptance(repo, { snapshot: id, home_id, because }, deps);
  if (vanished && !options.dryRun) await forgetObjects(repo, { snapshots: [id], packs: [] }, deps.log);
  tally.done();
  if (manifest) yield snapshotRecord(repo.url, manifest, (await readStates(repo, deps)).of(manifest));
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

/** The one place where an acceptance is written. */
async function writeAcceptance(
  repo: Repository,
  content: Pick<Acceptance, "snapshot" | "home_id" | "because">,
  { now }: Deps,
): Promise<void> {
  const acceptance = { format: ACCEPTANCE_FORMAT, id: ulid(now()), ...content, accepted_at: now().toISOString() };
  await putAcceptance(repo, acceptance);
}

/** A snapshot that this machine knows and that is not there any more. */
async function findKnown(repo: Repository, id: string): Promise<Pick<Manifest, "id" | "home_id"> | undefined> {
  const known = repo.localState?.read().snapshots?.[id];
  const isLogged = async (): Promise<boolean> => (await repo.authorship?.log())?.live.has(id) === true;
  if ((!known && !(await isLogged())) || (await snapshotIds(repo)).includes(id)) return undefined;
  for await (const { snapshot } of listAcceptances(repo, () => undefined)) if (snapshot === id) return undefined;
  return { id, home_id: known?.home_id ?? "" };
}

async function findDoubtful(repo: Repository, options: AcceptSnapshot, deps: Deps): Promise<Manifest> {
  const manifest = await resolveSnapshot(repo, options.id, options);
  const { state } = (await readStates(repo, deps)).of(manifest);
  if (state === "suspect" || state === "bad") return manifest;
  throw usageError(
    `snapshot ${manifest.id} is ${state}: only what is suspect or bad is accepted`,
    `agh-backup list --repo ${repo.url}`,
  );
}

const readStates = (repo: Repository, { log, now }: Deps): Promise<SnapshotStates> =>
  SnapshotStates.read(repo, (error: ToolError) => log.problem(asPartial(error)), now());
