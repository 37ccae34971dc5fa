// Makes a snapshot: notes the cut, walks the home along its parent, stores what is new, and publishes the manifest last.
import { realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { osPath } from "../../files/os-path.ts";
import { scratchDir } from "../../files/scratch.ts";
import { encodeManifest, type Manifest } from "../../formats/repository/manifest.ts";
import { MarkWatch } from "../../formats/repository/prune-marks.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Place } from "../../places/open-with-capability.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { asPartial, EXIT, placeError, refusal, ToolError } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import type { HomeCut } from "../../sources/home-cut.ts";
import type { Root } from "../../sources/source.ts";
import { sqliteCode, toDatabaseError } from "../../sqlite/errors.ts";
import { PathFilter } from "./path-filter.ts";
import { ChunkSink } from "../chunk-sink.ts";
import { classesOf, type ClassChoice } from "../classes.ts";
import { startGraceDeadline } from "./grace-deadline.ts";
import { openBackupJob, type Consistency, type BackupJob } from "./backup-job.ts";
import { ListingWriter } from "./listing-writer.ts";
import { ParentCursor } from "./parent-cursor.ts";
import { snapshotRecord } from "../records.ts";
import { PageStore } from "../losses/page-store.ts";
import { Archiver } from "./archiver.ts";
import { findEarlier } from "./earlier-snapshots.ts";
import { findSuspicions, lossFinding, NOTHING_TO_BACK_UP } from "./find-suspicions.ts";
import { missingFindings } from "./missing-findings.ts";
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
  const classes = classesOf(options);
  const repo = await openRepository(options.repo, { env: deps.env });
  // Before anything is stored: what cannot be verified is not begun.
  if (options.verify && !options.dryRun) repo.requireIdentity();
  const tally = new Tally("agh-backup create", deps, ulid(deps.now()));
  const ids: string[] = [];
  for (const selection of homes) {
    const manifest = await createSnapshot(selection, { ...options, classes }, deps, repo);
    tally.done(manifest.totals.stored_bytes, manifest.totals.files);
    ids.push(manifest.id);
    yield snapshotRecord(repo.url, manifest, new SnapshotStates([], []).of(manifest));
    yield* missingFindings(manifest);
    for (const suspicion of manifest.suspicions ?? []) {
      tally.failed(suspicion.code === NOTHING_TO_BACK_UP ? EXIT.found : EXIT.partial);
      yield lossFinding(manifest, suspicion);
    }
  }
  if (options.verify && ids.length > 0 && !options.dryRun) yield* verifyCreated(ids, options, deps, tally);
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

async function createSnapshot(
  selection: Place,
  options: SnapshotOptions,
  deps: Deps,
  repo: Repository,
): Promise<Manifest> {
  await using job = await openBackupJob(selection, options, deps);
  try {
    refuseUnsafe(repo, job.roots);
    return await new SnapshotRun(job, options, deps, repo).make();
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

type SnapshotOptions = Pick<CreateSnapshots, "tags" | "toolkit" | "dryRun" | "acceptMissing" | keyof Consistency> & {
  readonly classes: readonly string[];
};

/** One run over one home. */
class SnapshotRun {
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
    const earlier = await findEarlier(this.#repo, home.id, classes, (error) => this.#report(error));
    const { parent } = earlier;
    const watch = await MarkWatch.begin(this.#repo);
    await using sink = new ChunkSink(this.#repo, { marked: watch.marked, mostlyStored: parent !== undefined });
    using scratch = scratchDir(this.#deps.env);
    const cut = consistency === "cold" ? undefined : await source.cut?.(home, scratch, this.#deps);
    const pageStore = new PageStore(this.#repo, sink, scratch);
    const listing = new ListingWriter(pageStore);
    const { acceptMissing } = this.#options;
    const filter = new PathFilter({ source, classes: new Set(classes), cut, acceptMissing, deps: this.#deps });
    const archiver = new Archiver({
      filter,
      listing,
      sink,
      source,
      pages: pageStore,
      scratch,
      deps: this.#deps,
      parent: await ParentCursor.open(this.#repo, await this.#reliable(parent), (error) => this.#report(error)),
    });
    for (const root of roots) await archiver.root(root);
    if (!source.sessionsAreDatabases && archiver.totals.sessions === 0)
      archiver.totals.sessions = await this.#countSessions();
    const pages = await listing.finish();
    if (!this.#options.dryRun) await sink.publish();
    checkGrace();
    if (!this.#options.dryRun) await watch.assertMayPublish(this.#deps.now());
    const taken = {
      classes,
      roots: roots.map(({ name, dir }) => ({ name, dir })),
      ...(archiver.names.unusual > 0 && { unusual_names: archiver.names.unusual }),
      class_files: archiver.classFiles,
      coverage: filter.leftOut.all,
      totals: { ...archiver.totals, new_bytes: sink.newBytes, stored_bytes: sink.storedBytes },
    };
    const compared = { ...taken, listing: { refs: listing.refs, read: (sha256: string) => pageStore.read(sha256) } };
    const suspicions = await findSuspicions(
      { job: this.#job, repo: this.#repo, earlier, snapshot: compared, hasCatalog: archiver.hasCatalog },
      (error) => this.#report(error),
      this.#deps,
    );
    return await this.#publish({
      ...this.#header(started, cut, parent),
      reference: earlier.reference?.id ?? null,
      suspicions,
      listing: pages,
      ...taken,
    });
  }

  /** Where packs are missing nothing is taken over: what the home has is read again, and stored where its chunks are not there. */
  async #reliable(parent: Manifest | undefined): Promise<Manifest | undefined> {
    const missing = await this.#repo.missingPacks();
    if (missing.size === 0) return parent;
    const packs = missing.size === 1 ? "1 pack is" : `${missing.size} packs are`;
    this.#report(
      placeError(
        "E_PACK_MISSING",
        `${this.#repo.url}: ${packs} missing: the home is read again, and what was in them is stored again`,
        `agh-backup verify --all --repo ${this.#repo.url} says what else has lost its content`,
      ),
    );
    return undefined;
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
      await this.#repo.putManifest(manifest.id, bytes);
    }
    return { ...manifest, digest };
  }

  /** What is damaged in the repository does not stop a backup, and is not kept quiet. */
  #report(error: ToolError): void {
    if (error.code === "E_IDENTITY_NEEDED") return; // encrypted, and not in the cache: what it holds is stored anew
    this.#deps.log.problem(asPartial(error));
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
