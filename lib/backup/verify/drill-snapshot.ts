// Restores a snapshot into scratch and tests whether all that it says it holds is there, means what it should, and lacks nothing.
import { scratchDir } from "../../files/scratch.ts";
import { chunkId } from "../../formats/repository/chunk.ts";
import { applyDirectoryMetadata, destinationOf, extract } from "../../formats/repository/extract.ts";
import { INDEXES, nameIn } from "../../formats/repository/layout.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { detectSource } from "../../places/detect-source.ts";
import type { Deps, Log } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { loadSource } from "../../sources/runtimes.ts";
import type { Home } from "../../sources/source.ts";
import { findLostParts } from "./drill-losses.ts";
import { findingOf, testHome, type RestoredHome } from "./restored-home.ts";
import { testListing } from "./restored-listing.ts";

export interface DrilledSnapshot {
  readonly repo: Repository;
  readonly manifest: Manifest;
  /** How many of each thing were looked at. */
  readonly counts: { [what: string]: number };
}

/** Faults of the repository that stop a drill, but are what it was to find out. */
const DAMAGE: ReadonlySet<string> = new Set([
  "E_AGE_DAMAGED",
  "E_CHUNK_DAMAGED",
  "E_CHUNK_MISSING",
  "E_HOSTILE_PATH",
  "E_INDEX_DAMAGED",
  "E_LISTING_DAMAGED",
  "E_NOT_A_HOME",
]);

export async function* drillFindings(drilled: DrilledSnapshot, deps: Deps): AsyncGenerator<Finding> {
  const { repo, manifest } = drilled;
  repo.requireIdentity();
  const place = `backup:${repo.url}@${manifest.id}`;
  const { runtime, home_id: id } = manifest;
  const source = await loadSource(runtime);
  using scratch = scratchDir(deps.env);
  const dir = scratch.fresh();
  const home: Home = { runtime, place, root: dir, id, live: false };
  try {
    yield* checkIndexes(repo, home);
    yield* withoutScratchDir(dir, restoreAndTest(drilled, { home, source, scratch, counts: drilled.counts }, deps));
  } catch (error) {
    if (!(error instanceof ToolError) || !DAMAGE.has(error.code)) throw error;
    const { code, message } = error;
    yield findingOf(home, manifest.id, { code: code.slice(2), severity: "error", message, evidence: {} });
  }
}

async function* restoreAndTest(drilled: DrilledSnapshot, restored: RestoredHome, deps: Deps): AsyncGenerator<Finding> {
  const { repo, manifest, counts } = drilled;
  const { home } = restored;
  const plan = { repo, manifest, dir: home.root };
  const { files, faults } = await extract(plan, deps);
  counts["files"] = files;
  for (const { path, code, message } of faults) {
    const at = path.slice(home.root.length + 1);
    yield findingOf(home, at, { code, severity: "error", message: `${at}: ${message}`, evidence: {} });
  }
  await applyDirectoryMetadata(plan, "below");
  await applyDirectoryMetadata(plan, "top");
  const known = new Set(faults.map(({ path }) => path));
  yield* testListing(drilled, { home, fileOf: (line) => destinationOf(home.root, line), known }, deps);
  await detectSource(home.root, home.place, manifest.runtime);
  yield* collectProblems(restored, deps, (collecting) => testHome(restored, collecting));
  yield* findLostParts(drilled, restored, deps);
}

/** What is reported while the home is read is found, too: that a session cannot be read, and the like. */
async function* collectProblems(
  { home }: RestoredHome,
  deps: Deps,
  test: (deps: Deps) => AsyncIterable<Finding>,
): AsyncGenerator<Finding> {
  const problems: ToolError[] = [];
  const log: Log = {
    debug: (message) => deps.log.debug(message),
    info: (message) => deps.log.info(message),
    problem: (error) => void problems.push(error),
  };
  const collecting: Deps = { ...deps, now: () => deps.now(), isAlive: (pid) => deps.isAlive(pid), log };
  try {
    yield* test(collecting);
  } catch (error) {
    if (!(error instanceof ToolError) || isOfMachine(error)) throw error;
    problems.push(error);
  }
  for (const { code, message } of problems) {
    yield findingOf(home, undefined, { code: code.slice(2), severity: "error", message, evidence: {} });
  }
}

/** A drill that the machine has stopped says nothing about the snapshot. */
const isOfMachine = ({ code, exit }: ToolError): boolean => exit === EXIT.busy || MACHINE.has(code);

const MACHINE: ReadonlySet<string> = new Set([
  "E_NO_SPACE",
  "E_TOO_MANY_FILES",
  "E_READ_ONLY",
  "E_NO_PERMISSION",
  "E_IO",
]);

/** The scratch place means nothing later. */
async function* withoutScratchDir(dir: string, findings: AsyncIterable<Finding>): AsyncGenerator<Finding> {
  for await (const finding of findings) {
    yield JSON.parse(JSON.stringify(finding).replaceAll(`${dir}/`, "").replaceAll(dir, ".")) as Finding;
  }
}

/** A restore may go well with a damaged index: the next one may not. */
async function* checkIndexes(repo: Repository, home: Home): AsyncGenerator<Finding> {
  for await (const { key } of repo.target.list(INDEXES)) {
    const bytes = await repo.target.get(key);
    if (!bytes || chunkId(bytes) === nameIn(key)) continue; // gone: merged into another one meanwhile
    const message = `${key} does not match its name`;
    yield findingOf(home, key, { code: "INDEX_DAMAGED", severity: "error", message, evidence: {} });
  }
}
