// Makes a snapshot: notes the cut, walks the home along its parent, stores what is new, and publishes the manifest last.
import { realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { osPath } from "../../files/os-path.ts";
import { scratchDir } from "../../files/scratch.ts";
import { encodeManifest, type Manifest } from "../../formats/repository/manifest.ts";
import { findVanishedSnapshots, readKnownObjects, rememberObjects } from "../../formats/repository/known-objects.ts";
import { MarkWatch } from "../../formats/repository/prune-marks.ts";
import { openForWriting, pinFirstUse } from "../../formats/repository/authorship/open-for-writing.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { listManifests, snapshotIds } from "../../formats/repository/snapshots.ts";
import { upgradeHint } from "../../formats/repository/upgrade-hint.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Place } from "../../places/open-with-capability.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { asPartial, EXIT, refusal, ToolError } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import type { HomeCut } from "../../sources/home-cut.ts";
import type { Root } from "../../sources/source.ts";
import { toDatabaseError } from "../../sqlite/errors.ts";
import { PathFilter } from "./path-filter.ts";
import { ChunkSink } from "../chunk-sink.ts";
import { classesOf, type ClassChoice } from "../classes.ts";
import { startGraceDeadline } from "./grace-deadline.ts";
import { openBackupJob, type Consistency, type BackupJob } from "./backup-job.ts";
import { findUnusablePacks, unusableFinding } from "./unusable-packs.ts";
import { ListingWriter } from "./listing-writer.ts";
import { ParentCursor } from "./parent-cursor.ts";
import { snapshotRecord } from "../records.ts";
import { Archiver } from "./archiver.ts";
import { verifyRepository } from "../verify/verify.ts";

export interface CreateSnapshots extends ClassChoice, Consistency {
  readonly repo: string;
  readonly tags: readonly string[];
  /** This toolkit's version. */
  readonly toolkit: string;
  /** Say what would be taken and store nothing. */
  readonly dryRun?: boolean;
  /** Look for damage in what was made, in the same run. */
  readonly verify?: "quick" | "full" | undefined;
}

/**
 * Yields a `snapshot` for each home, a `finding` for each fault that `verify` finds (1), and a `summary`. What could not
 * be read is a problem (3) and in the coverage.
 */
export async function* createSnapshots(
  homes: readonly Place[],
  options: CreateSnapshots,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const classes = classesOf(options);
  const repo = await openForWriting(options.repo, { env: deps.env, pins: false });
  // Before anything is stored: what cannot be verified is not begun.
  if (options.verify && !options.dryRun) repo.requireIdentity();
  const tally = new Tally("agh-backup create", deps, ulid(deps.now()));
  const ids: string[] = [];
  for (const selection of homes) {
    const { manifest, unusablePacks } = await createSnapshot(selection, { ...options, classes }, deps, repo);
    tally.done(manifest.totals.stored_bytes, manifest.totals.files);
    ids.push(manifest.id);
    yield snapshotRecord(repo.url, manifest);
    const hint = manifest.suspicions?.length ? upgradeHint(repo) : undefined;
    if (hint) deps.log.info(hint);
    if (unusablePacks.size === 0) continue;
    tally.failed(EXIT.found);
    yield unusableFinding(repo, unusablePacks);
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
    throw toDatabaseError(job.home.root, error);
  }
}

/** The faults of the snapshots just made; the tally learns of them. */
async function* verifyCreated(
  ids: readonly string[],
  { repo, verify: level = "quick" }: CreateSnapshots,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<AnyRecord> {
  for await (const record of verifyRepository({ repo, ids, all: false, level }, deps)) {
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

type SnapshotOptions = Pick<CreateSnapshots, "tags" | "toolkit" | "dryRun" | keyof Consistency> & {
  readonly classes: readonly string[];
};

/** One run over one home. */
class SnapshotRun {
  unusablePacks: ReadonlySet<string> = new Set();
  #job: BackupJob;
  #options: SnapshotOptions;
  #deps: Deps;
  #repo: Repository;

  constructor(job: BackupJob, options: SnapshotOptions, deps: Deps, repo: Repository) {
    this.#job = job;
    this.#options = options;
    this.#deps = deps;
    this.#repo = repo;
  }

  async make(): Promise<Manifest> {
    const { home, source, roots, consistency } = this.#job;
    const { classes } = this.#options;
    const started = this.#deps.now();
    const checkGrace = startGraceDeadline(this.#deps);
    const parent = await this.#parent();
    const watch = await MarkWatch.begin(this.#repo);
    this.unusablePacks = await findUnusablePacks(this.#repo);
    const marked = watch.marked.union(this.unusablePacks);
    await using sink = new ChunkSink(this.#repo, { marked, mostlyStored: parent !== undefined });
    using scratch = scratchDir(this.#deps.env);
    const cut = consistency === "cold" ? undefined : await source.cut?.(home, scratch, this.#deps);
    const listing = new ListingWriter(sink);
    const filter = new PathFilter({ source, classes: new Set(classes), cut, deps: this.#deps });
    const archiver = new Archiver({
      filter,
      listing,
      sink,
      scratch,
      deps: this.#deps,
      // Where something of the repository is missing, nothing is taken over unread: it may be what is missing.
      parent: await ParentCursor.open(this.#repo, this.unusablePacks.size > 0 ? undefined : parent, (error) =>
        this.#report(error),
      ),
    });
    for (const root of roots) await archiver.root(root);
    if (archiver.totals.sessions === 0) archiver.totals.sessions = await this.#countSessions();
    const pages = await listing.finish();
    if (!this.#options.dryRun) await sink.publish();
    checkGrace();
    if (!this.#options.dryRun) await watch.assertMayPublish(this.#deps.now());
    return await this.#publish({
      ...this.#header(started, cut, parent),
      classes,
      roots: roots.map(({ name, dir }) => ({ name, dir })),
      listing: pages,
      totals: { ...archiver.totals, new_bytes: sink.newBytes, stored_bytes: sink.storedBytes },
      coverage: filter.leftOut.all,
    });
  }

  /** Of sessions without databases of their own: as many as are listed now. What cannot be listed was reported when it was stored. */
  async #countSessions(): Promise<number> {
    const { home, source } = this.#job;
    let count = 0;
    try {
      for await (const _ of source.sessions(home, {}, withoutProblems(this.#deps))) count++;
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
    }
    return count;
  }

  async #publish(manifest: Omit<Manifest, "digest">): Promise<Manifest> {
    const { bytes, digest } = encodeManifest(manifest);
    if (!this.#options.dryRun) {
      const stored = await this.#repo.putManifest(manifest.id, bytes);
      const known = { [manifest.id]: { home_id: manifest.home_id, ...stored } };
      await rememberObjects(this.#repo, { snapshots: known }, this.#deps.log);
    }
    return { ...manifest, digest };
  }

  /** What is damaged in the repository does not stop a backup, and is not kept quiet. */
  #report(error: ToolError): void {
    if (error.code === "E_SNAPSHOT_VANISHED") return; // a finding, when all is stored
    if (error.code === "E_IDENTITY_NEEDED") return; // encrypted, and not in the cache: what it holds is stored anew
    this.#deps.log.problem(asPartial(error));
  }

  /** The newest snapshot of the same home. */
  async #parent(): Promise<Manifest | undefined> {
    const options = { homeId: this.#job.home.id };
    for await (const manifest of listManifests(this.#repo, options, (error) => this.#report(error))) return manifest;
    return undefined;
  }

  #header(started: Date, cut: HomeCut | undefined, parent: Manifest | undefined) {
    const { runtime, id, root } = this.#job.home;
    return {
      format: this.#repo.file.format,
      id: ulid(started),
      runtime,
      home_id: id,
      home_path: root,
      hostname: hostname(),
      toolkit: this.#options.toolkit,
      sqlite: process.versions.sqlite ?? "",
      started_at: started.toISOString(),
      finished_at: this.#deps.now().toISOString(),
      consistency: this.#job.consistency,
      cut_at: cut?.at.toISOString() ?? null,
      skew_ms: cut?.skewMs ?? 0,
      tags: this.#options.tags,
      parent: parent?.id ?? null,
    };
  }
}
