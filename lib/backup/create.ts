// Makes a snapshot: notes the cut, walks the home along its parent, stores what is new, and publishes the manifest last.
import { realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { osPath } from "../files/os-path.ts";
import { scratchDir } from "../files/scratch.ts";
import { encodeManifest, FORMAT, type Manifest } from "../formats/manifest.ts";
import { MarkWatch } from "../formats/marks.ts";
import { openRepository, type Repository } from "../formats/repository.ts";
import { newestFirst } from "../formats/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { EXIT, refusal, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { HomeCut } from "../sources/home-cut.ts";
import type { Root } from "../sources/source.ts";
import { databaseTrouble } from "../sqlite/trouble.ts";
import { Choice } from "./choice.ts";
import { ChunkSink } from "./chunk-sink.ts";
import { classesOf, type ClassChoice } from "./classes.ts";
import { withinGrace } from "./grace.ts";
import { openJob, type Consistency, type HomeWords, type Job } from "./job.ts";
import { ListingWriter } from "./listing-writer.ts";
import { ParentCursor } from "./parent-cursor.ts";
import { snapshotRecord } from "./records.ts";
import { Take } from "./take.ts";
import { verifyRepository } from "./verify.ts";

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
  homes: readonly HomeWords[],
  options: CreateSnapshots,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const classes = classesOf(options);
  const repo = await openRepository(options.repo, { env: deps.env });
  // Before anything is stored: what cannot be verified is not begun.
  if (options.verify && !options.dryRun) repo.requireIdentity();
  const tally = new Tally("agh-backup create", deps, ulid(deps.now()));
  const ids: string[] = [];
  for (const words of homes) {
    const manifest = await oneSnapshot(words, { ...options, classes }, deps, repo);
    tally.done(manifest.totals.stored_bytes, manifest.totals.files);
    ids.push(manifest.id);
    yield snapshotRecord(repo.url, manifest);
  }
  if (options.verify && ids.length > 0 && !options.dryRun) yield* verified(ids, options, deps, tally);
  yield tally.summary(options.dryRun ? { status: "planned" } : {});
}

async function oneSnapshot(words: HomeWords, wanted: Wanted, deps: Deps, repo: Repository): Promise<Manifest> {
  await using job = await openJob(words, wanted, deps);
  try {
    refuseUnsafe(repo, job.roots);
    return await new Run(job, wanted, deps, repo).make();
  } catch (error) {
    throw databaseTrouble(job.home.root, error);
  }
}

/** The faults of the snapshots just made; the tally learns of them. */
async function* verified(
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
        `${dir} lies within ${below}, which it is to hold`,
        "keep it elsewhere, best on another disk",
      );
    }
  }
  const { mode } = statSync(osPath(dir));
  if ((mode & 0o022) !== 0) {
    throw refusal(
      "E_REPOSITORY_MODE",
      `others may write to ${dir}: nothing in it could be trusted`,
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

type Wanted = Pick<CreateSnapshots, "tags" | "toolkit" | "dryRun" | keyof Consistency> & {
  readonly classes: readonly string[];
};

/** One run over one home. */
class Run {
  #job: Job;
  #options: Wanted;
  #deps: Deps;
  #repo: Repository;

  constructor(job: Job, options: Wanted, deps: Deps, repo: Repository) {
    this.#job = job;
    this.#options = options;
    this.#deps = deps;
    this.#repo = repo;
  }

  async make(): Promise<Manifest> {
    const { home, source, roots, consistency } = this.#job;
    const { classes } = this.#options;
    const started = this.#deps.now();
    const checkGrace = withinGrace(this.#deps);
    const parent = await this.#parent();
    const watch = await MarkWatch.begin(this.#repo);
    await using sink = new ChunkSink(this.#repo, { marked: watch.marked, little: parent !== undefined });
    using scratch = scratchDir(this.#deps.env);
    const cut = consistency === "cold" ? undefined : await source.cut?.(home, scratch, this.#deps);
    const listing = new ListingWriter(sink);
    const choice = new Choice({ source, classes: new Set(classes), cut, deps: this.#deps });
    const take = new Take({
      choice,
      listing,
      sink,
      scratch,
      deps: this.#deps,
      parent: await ParentCursor.open(this.#repo, parent, (error) => this.#tell(error)),
    });
    for (const root of roots) await take.root(root);
    if (source.archival) take.totals.sessions = await this.#countRows();
    const pages = await listing.finish();
    if (!this.#options.dryRun) await sink.publish();
    checkGrace();
    if (!this.#options.dryRun) await watch.assertMayPublish(this.#deps.now());
    return await this.#publish({
      ...this.#header(started, cut, parent),
      classes,
      roots: roots.map(({ name, dir }) => ({ name, dir })),
      listing: pages,
      totals: { ...take.totals, new_bytes: sink.newBytes, stored_bytes: sink.storedBytes },
      coverage: choice.leftOut.all,
    });
  }

  /** Of sessions that are rows: as many as are listed now. A database that cannot be listed was told when it was taken. */
  async #countRows(): Promise<number> {
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
  #tell({ code, message, hint }: ToolError): void {
    if (code === "E_IDENTITY_NEEDED") return; // encrypted, and not in the cache: what it holds is stored anew
    this.#deps.log.problem(new ToolError({ code, message, hint, exit: EXIT.partial }));
  }

  /** The newest snapshot of the same home. */
  async #parent(): Promise<Manifest | undefined> {
    const wanted = { homeId: this.#job.home.id };
    for await (const manifest of newestFirst(this.#repo, wanted, (error) => this.#tell(error))) return manifest;
    return undefined;
  }

  #header(started: Date, cut: HomeCut | undefined, parent: Manifest | undefined) {
    const { runtime, id, root } = this.#job.home;
    return {
      format: FORMAT,
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
