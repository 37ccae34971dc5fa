// Makes snapshots of homes, and says what is wrong with them.
import { realpathSync, statSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { findVanishedSnapshots, readKnownObjects } from "../../formats/repository/known-objects.ts";
import { openForWriting, pinFirstUse } from "../../formats/repository/authorship/open-for-writing.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { snapshotIds } from "../../formats/repository/snapshots.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { upgradeHint } from "../../formats/repository/upgrade-hint.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { Tally } from "../../records/summary.ts";
import type { Root } from "../../sources/source.ts";
import { sqliteCode, toDatabaseError } from "../../sqlite/errors.ts";
import { assertClasses, type ClassChoice } from "../classes.ts";
import { openBackupJob, type Consistency } from "./backup-job.ts";
import { unusableFinding } from "./unusable-packs.ts";
import { snapshotRecord } from "../records.ts";
import { lossFinding, NOTHING_TO_BACK_UP } from "./find-suspicions.ts";
import { missingFindings } from "./missing-findings.ts";
import { SnapshotRun, type SnapshotOptions } from "./snapshot-run.ts";
import { verifyRepository } from "../verify/verify.ts";

export interface CreateSnapshots extends ClassChoice, Consistency {
  readonly repo: string;
  readonly tags: readonly string[];
  /** This toolkit's version. */
  readonly toolkit: string;
  /** Say what would be taken and store nothing. */
  readonly dryRun?: boolean;
  /** Look for damage in what was made, in the same run; from `full` on every database is checked whole. */
  readonly verify?: "quick" | "full" | "deep" | undefined;
  /** What is known to be missing: `workspaces/ID`, `ROOT/PATH`. */
  readonly acceptMissing?: readonly string[];
}

/**
 * Yields a `snapshot` for each home, a `finding` for each thing that could not be read, is destroyed or was lost (3), for a home without
 * anything in it (1) and for each fault that `verify` finds (1), and a `summary`. What could not be read is in the coverage as well.
 */
export async function* createSnapshots(
  homes: readonly Place[],
  options: CreateSnapshots,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  assertClasses(options);
  const repo = await openForWriting(options.repo, { env: deps.env, pins: false });
  // Before anything is stored: what cannot be verified is not begun.
  if (options.verify && !options.dryRun) repo.requireIdentity();
  const tally = new Tally("agh-backup create", deps, ulid(deps.now()));
  const ids: string[] = [];
  for (const selection of homes) {
    const findings: Finding[] = [];
    const { manifest, unusablePacks } = await createSnapshot(selection, { ...options, findings }, deps, repo);
    tally.done(manifest.totals.stored_bytes, manifest.totals.files);
    ids.push(manifest.id);
    yield snapshotRecord(repo.url, manifest, new SnapshotStates([], []).of(manifest));
    yield* findings;
    yield* missingFindings(manifest);
    for (const suspicion of manifest.suspicions ?? []) {
      tally.failed(suspicion.code === NOTHING_TO_BACK_UP ? EXIT.found : EXIT.partial);
      yield lossFinding(manifest, suspicion);
    }
    const hint = manifest.suspicions?.length ? upgradeHint(repo) : undefined;
    if (hint) deps.log.info(hint);
    if (unusablePacks.size > 0) {
      tally.failed(EXIT.found);
      yield unusableFinding(repo, unusablePacks);
    }
  }
  if (options.verify && ids.length > 0 && !options.dryRun) yield* verifyCreated(ids, options, deps, tally);
  else yield* reportVanished(repo, deps, tally);
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

/** Whatever took an earlier snapshot may take this one. */
async function* reportVanished(repo: Repository, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const known = readKnownObjects(repo, (error) => deps.log.problem(error));
  for await (const finding of findVanishedSnapshots(repo, known, new Set(await snapshotIds(repo)))) {
    tally.failed(EXIT.found);
    yield finding;
  }
}

async function createSnapshot(
  selection: Place,
  options: SnapshotOptions,
  deps: Deps,
  repo: Repository,
): Promise<{ readonly manifest: Manifest; readonly unusablePacks: ReadonlySet<string> }> {
  await using job = await openBackupJob(selection, options, deps);
  try {
    refuseUnsafe(repo, job.roots);
    await pinFirstUse(repo, { env: deps.env, homeId: job.home.id, dryRun: options.dryRun });
    const run = new SnapshotRun(job, options, deps, repo);
    return { manifest: await run.make(), unusablePacks: run.unusablePacks };
  } catch (error) {
    // What the kernel refuses names its own path: only SQLite does not say which file it read.
    throw sqliteCode(error) === undefined ? error : toDatabaseError(job.home.root, error);
  }
}

/** The faults of the snapshots just made; the tally learns of them. */
async function* verifyCreated(
  ids: readonly string[],
  { repo, toolkit, verify: level = "quick" }: CreateSnapshots,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<AnyRecord> {
  const reading = { repo, ids, toolkit, all: false, level: level === "quick" ? level : "deep" } as const;
  for await (const record of verifyRepository(reading, deps)) {
    if (record.kind === "summary") continue;
    if (record["severity"] === "error") tally.failed(EXIT.found);
    yield record;
  }
}

/** A repository within what it is to hold would grow by itself; one that others may write to proves nothing. */
function refuseUnsafe({ target }: Repository, roots: readonly Root[]): void {
  if (target.dir === undefined) return;
  const dir = realpathSync(osPath(target.dir)).toString();
  for (const root of roots) {
    for (const below of root.only ? root.only.map((name) => `${root.dir}/${name}`) : [root.dir]) {
      if (!isWithin(dir, below)) continue;
      throw refusal(
        "E_REPOSITORY_INSIDE",
        `${dir} is inside ${below}, which is to be backed up`,
        "keep the repository elsewhere, best on another disk",
      );
    }
  }
  const { mode } = statSync(osPath(dir));
  if ((mode & 0o022) !== 0) {
    throw refusal(
      "E_REPOSITORY_MODE",
      `${dir} is writable by others: its contents cannot be trusted`,
      `chmod 700 ${dir}`,
    );
  }
}

function isWithin(dir: string, below: string): boolean {
  let real: string;
  try {
    real = realpathSync(osPath(below)).toString();
  } catch {
    return false; // not there, so nothing lies within it
  }
  return dir === real || dir.startsWith(`${real}/`);
}
