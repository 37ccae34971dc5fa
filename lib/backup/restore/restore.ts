// Restores a snapshot into a new or empty directory. Until it is whole, a marker says that it is not.
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { fsyncDir, writeAtomic } from "../../files/atomic.ts";
import { makeDirectories } from "../../files/make-directories.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { syncTree } from "../../files/sync-tree.ts";
import { toFileError } from "../../files/errors.ts";
import { extract, applyDirectoryMetadata, type ExtractOptions } from "../../formats/repository/extract.ts";
import type { ExtractFault } from "../../formats/repository/extract-file.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { assertListing, resolveSnapshot, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, type ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { loadSource } from "../../sources/runtimes.ts";
import type { Home } from "../../sources/source.ts";
import { assessSnapshot, describeSnapshot, stateFindings } from "./plan-head.ts";
import { emptyTableFindings, restoredFindings } from "./restore-findings.ts";
import { resolveRestoreScope, type RestoreSelection } from "./restore-scope.ts";
import { snapshotRecord } from "../records.ts";

export interface RestoreSnapshot extends RestoreSelection, SnapshotFilter {
  readonly repo: string;
  /** A full id, a unique prefix, or `latest`. */
  readonly id: string;
  readonly to: string;
  readonly dryRun?: boolean;
  /** Symbolic links that were followed are made again; what they led to is not written. */
  readonly links?: boolean | undefined;
}

const STATE = ".agh-toolkit";
/** Holds the snapshot's id while a restore is under way; run again, it begins anew and completes. */
const MARKER = `${STATE}/restore-incomplete`;

/** Yields a `finding` for what is wrong or worth knowing, the `snapshot`, and a `summary`. */
export async function* restoreSnapshot(options: RestoreSnapshot, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  repo.requireIdentity();
  const manifest = await resolveSnapshot(repo, options.id, options);
  await assertListing(repo, manifest);
  const only = await resolveRestoreScope(repo, manifest, options, deps);
  const dir = targetDir(options.to, manifest.id, repo);
  const tally = new Tally("agh-backup restore", deps, ulid(deps.now()));
  const assessed = await assessSnapshot(repo, manifest, deps);
  deps.log.info(`${describeSnapshot(manifest, assessed, deps.now())}, is restored to ${dir}`);
  yield* stateFindings(repo, manifest, assessed);
  if (options.dryRun) {
    yield tally.summary({ status: "planned" });
    return;
  }
  const plan = { repo, manifest, dir, only, links: options.links };
  writeMarker(dir, manifest.id);
  const { files, bytes, faults } = await extract(plan, deps);
  tally.done(bytes, files - faults.length);
  for (const fault of faults) {
    tally.failed(EXIT.partial);
    yield faultFinding(fault, dir, manifest);
  }
  await finish(plan, faults.length === 0);
  const { runtime, home_id } = manifest;
  const home: Home = { runtime, place: dir, root: dir, id: home_id, live: false };
  yield* restoredFindings({ home, source: await loadSource(runtime) }, manifest);
  yield* emptyTableFindings(manifest, (path) => existsSync(osPath(joinPath(dir, path))));
  yield { ...snapshotRecord(repo.url, manifest, assessed), restored_to: dir };
  yield tally.summary();
}

/** Modes and times, all on disk, and only then the marker goes. */
async function finish(plan: ExtractOptions, whole: boolean): Promise<void> {
  try {
    await applyDirectoryMetadata(plan, "below");
    syncTree(plan.dir);
    if (whole) removeMarker(plan.dir);
    await applyDirectoryMetadata(plan, "top");
    fsyncDir(plan.dir);
  } catch (error) {
    throw toFileError(plan.dir, "write", error);
  }
}

/** The directory, absolute. Refuses (4) one that holds anything but an interrupted restore of the same snapshot. */
function targetDir(to: string, id: string, { target }: Repository): string {
  const dir = resolve(to);
  const stat = lstatSync(osPath(dir), { throwIfNoEntry: false });
  if (stat && !stat.isDirectory()) throw refusal("E_NOT_EMPTY", `${dir} is not a directory`, "name a new or empty one");
  if (target.dir !== undefined && `${dir}/`.startsWith(`${realpathSync(osPath(target.dir)).toString()}/`)) {
    throw refusal("E_INSIDE_REPOSITORY", `${dir} is inside the repository`, "name a directory elsewhere");
  }
  if (!stat || readdirSync(osPath(dir)).length === 0) return dir;
  const marker = osPath(joinPath(dir, MARKER));
  const begun = existsSync(marker) ? readFileSync(marker, "utf8").trim() : undefined;
  if (begun === id || (begun === undefined && isBarelyBegun(dir))) return dir;
  throw begun === undefined ? notEmpty(dir) : otherBegun(dir, begun);
}

/** A run that was killed before its marker stood. */
function isBarelyBegun(dir: string): boolean {
  const [name, ...more] = readdirSync(osPath(dir));
  if (name !== STATE || more.length > 0) return false;
  return readdirSync(osPath(joinPath(dir, STATE))).every((left) => /^\.agh-toolkit-[0-9a-f]+\.tmp$/.test(left));
}

const notEmpty = (dir: string): ToolError =>
  refusal("E_NOT_EMPTY", `${dir} is not empty`, "name a new or empty directory");

const otherBegun = (dir: string, id: string): ToolError =>
  refusal(
    "E_NOT_EMPTY",
    `${dir} holds an unfinished restore of ${id}`,
    `agh-backup restore ${id} --to ${dir}, or remove it`,
  );

function writeMarker(dir: string, id: string): void {
  try {
    const state = osPath(joinPath(dir, STATE));
    if (existsSync(state) && !existsSync(osPath(joinPath(dir, MARKER)))) rmSync(state, { recursive: true });
    makeDirectories(joinPath(dir, STATE), { durable: true });
    writeAtomic(joinPath(dir, MARKER), `${id}\n`, { mode: 0o600 });
  } catch (error) {
    throw toFileError(dir, "write below", error);
  }
}

function removeMarker(dir: string): void {
  const state = joinPath(dir, STATE);
  rmSync(osPath(joinPath(dir, MARKER)));
  if (readdirSync(osPath(state)).length === 0) rmdirSync(osPath(state));
  else fsyncDir(state);
}

function faultFinding({ path, code, message }: ExtractFault, dir: string, manifest: Manifest): Finding {
  return {
    kind: "finding",
    runtime: manifest.runtime,
    home: dir,
    id: path.slice(dir.length + 1),
    code,
    severity: "error",
    message: `${path.slice(dir.length + 1)}: ${message}`,
    evidence: { snapshot: manifest.id, path },
  };
}
