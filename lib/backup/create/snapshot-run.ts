// One snapshot of one home: the cut, the walk along the parent, what is lost against the reference, and the manifest last.
import { hostname } from "node:os";
import { scratchDir, type Scratch } from "../../files/scratch.ts";
import { rememberObjects } from "../../formats/repository/known-objects.ts";
import { encodeManifest, type Manifest } from "../../formats/repository/manifest.ts";
import { MarkWatch } from "../../formats/repository/prune-marks.ts";
import { findUnusablePacks } from "../../formats/repository/read-indexes.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { ulid } from "../../formats/ulid.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { asPartial, ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { HomeCut } from "../../sources/home-cut.ts";
import { HomeLinks } from "../../sources/links.ts";
import type { Home } from "../../sources/source.ts";
import { ChunkSink } from "../chunk-sink.ts";
import { classesOf, type ClassChoice } from "../classes.ts";
import { PageStore } from "../losses/page-store.ts";
import { Archiver } from "./archiver.ts";
import type { BackupJob, Consistency } from "./backup-job.ts";
import type { CreateSnapshots } from "./create.ts";
import { findEarlier, type EarlierSnapshots } from "./earlier-snapshots.ts";
import { findSuspicions } from "./find-suspicions.ts";
import { startGraceDeadline } from "./grace-deadline.ts";
import { ListingWriter } from "./listing-writer.ts";
import { ParentCursor } from "./parent-cursor.ts";
import { PathFilter, type PathFinding } from "./path-filter.ts";

export type SnapshotOptions = Pick<
  CreateSnapshots,
  "tags" | "toolkit" | "dryRun" | "acceptMissing" | keyof Consistency | keyof ClassChoice
> & {
  /** What is wrong in the home, and was taken all the same. */
  readonly findings: Finding[];
};

interface Archiving {
  readonly classes: readonly string[];
  readonly earlier: EarlierSnapshots;
  readonly sink: ChunkSink;
  readonly scratch: Scratch;
}

/** One run over one home. */
export class SnapshotRun {
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
    const started = this.#deps.now();
    const checkGrace = startGraceDeadline(this.#deps);
    const classes = classesOf(this.#options, this.#job.source, this.#repo.file.format);
    const earlier = await findEarlier(this.#repo, this.#job.home.id, classes, (error) => this.#report(error));
    const watch = await MarkWatch.begin(this.#repo);
    this.unusablePacks = await findUnusablePacks(this.#repo.target, await this.#repo.index());
    const marked = watch.marked.union(this.unusablePacks);
    await using sink = new ChunkSink(this.#repo, { marked, mostlyStored: earlier.parent !== undefined });
    using scratch = scratchDir(this.#deps.env);
    const { cut, archiver, filter, listing, pages } = await this.#archive({ classes, earlier, sink, scratch });
    const list = await listing.finish();
    if (!this.#options.dryRun) await sink.publish();
    checkGrace();
    if (!this.#options.dryRun) await watch.assertMayPublish(this.#deps.now());
    const taken = {
      classes,
      roots: this.#job.roots.filter(({ missing }) => !missing).map(({ name, dir }) => ({ name, dir })),
      ...(archiver.names.unusual > 0 && { unusual_names: archiver.names.unusual }),
      class_files: archiver.classFiles,
      coverage: filter.leftOut.all,
      totals: { ...archiver.totals, new_bytes: sink.newBytes, stored_bytes: sink.storedBytes },
    };
    const snapshot = { ...taken, listing: { refs: listing.refs, read: (sha256: string) => pages.read(sha256) } };
    const suspicions = await findSuspicions(
      { job: this.#job, repo: this.#repo, earlier, snapshot, hasCatalog: archiver.hasCatalog },
      (error) => this.#report(error),
      this.#deps,
    );
    const reference = earlier.reference?.id ?? null;
    return await this.#publish({
      ...this.#header(started, cut, earlier.parent),
      reference,
      suspicions,
      listing: list,
      ...taken,
    });
  }

  /** Walks all roots as they were at the cut. */
  async #archive({ classes, earlier, sink, scratch }: Archiving) {
    const { home, source, roots, consistency } = this.#job;
    const cut = consistency === "cold" ? undefined : await source.cut?.(home, scratch, this.#deps);
    const pages = new PageStore(this.#repo, sink, scratch);
    const listing = new ListingWriter(pages);
    const { acceptMissing } = this.#options;
    const links = new HomeLinks(home, this.#deps, this.#repo.target.dir);
    const filter = new PathFilter({ source, links, classes: new Set(classes), cut, acceptMissing, deps: this.#deps });
    // Where something of the repository is missing, nothing is taken over unread: it may be what is missing.
    const reliable = this.unusablePacks.size > 0 ? undefined : earlier.parent;
    const parent = await ParentCursor.open(this.#repo, reliable, (error) => this.#report(error));
    const archiver = new Archiver({ filter, listing, sink, source, pages, scratch, deps: this.#deps, parent });
    for (const root of roots) {
      if (root.missing) filter.recordMissingRoot(root, root.missing);
      else await archiver.root(root);
    }
    this.#options.findings.push(...filter.findings.map((found) => findingOf(home, found)));
    if (!source.sessionsAreDatabases && archiver.totals.sessions === 0)
      archiver.totals.sessions = await this.#countSessions();
    return { cut, archiver, filter, listing, pages };
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
    if (this.unusablePacks.size > 0 && error.code.startsWith("E_CHUNK_")) {
      return this.#deps.log.info(`this snapshot was not compared with an earlier one: ${error.message}`); // the packs are a finding
    }
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

const findingOf = ({ runtime, place }: Home, { code, path, message }: PathFinding): Finding => ({
  kind: "finding",
  runtime,
  home: place,
  id: path,
  code,
  severity: "error",
  message,
  evidence: { path },
});
