// A restore drill: a snapshot restored into a scratch directory and tested; the result is kept in the repository.
import { scratchDir } from "../../files/scratch.ts";
import { chunkId } from "../../formats/repository/chunk.ts";
import { putDrill, type DrillFinding, type DrillResult } from "../../formats/repository/drill-result.ts";
import { extract, applyDirectoryMetadata } from "../../formats/repository/extract.ts";
import { INDEXES, nameIn } from "../../formats/repository/layout.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { readListing, resolveSnapshot, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import { detectSource } from "../../places/detect-source.ts";
import type { Deps, Log } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import type { Finding, VerdictRecord } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import type { Home } from "../../sources/source.ts";
import { findingOf, restoredFile, testHome, type RestoredHome, type RestoredDatabase } from "./drill-home.ts";

export interface DrillSnapshot extends SnapshotFilter {
  readonly repo: string;
  readonly id: string;
  /** This toolkit's version. */
  readonly toolkit: string;
  /** Test and report, and store no result. */
  readonly dryRun?: boolean;
}

/** Findings of the repository that stop a drill, but are what it was to find out. */
const DAMAGE: ReadonlySet<string> = new Set([
  "E_CHUNK_DAMAGED",
  "E_CHUNK_MISSING",
  "E_HOSTILE_PATH",
  "E_INDEX_DAMAGED",
  "E_NOT_A_HOME",
]);

/** Yields a `finding` for each fault (exit 1 when one is an error), the `verdict`, and a `summary`. */
export async function* drillSnapshot(options: DrillSnapshot, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  const tally = new Tally("agh-backup drill", deps, ulid(deps.now()));
  const started = deps.now();
  const manifest = await resolveSnapshot(repo, options.id, options);
  const findings: DrillFinding[] = [];
  const counts: { [what: string]: number } = {};
  let failed = 0;
  for await (const finding of drill(repo, manifest, counts, deps)) {
    const { id, code, severity, message } = finding;
    if (severity === "error") failed++;
    // The result is no age file: of an encrypted repository it says no more than ids and codes.
    const keptMessage = repo.envelope ? "" : message;
    if (findings.length < MAX_KEPT_FINDINGS) findings.push({ id, code, severity, message: keptMessage });
    yield finding;
  }
  const result: DrillResult = {
    format: repo.file.format,
    id: tally.run,
    snapshot: manifest.id,
    home_id: manifest.home_id,
    toolkit: options.toolkit,
    started_at: started.toISOString(),
    finished_at: deps.now().toISOString(),
    verdict: failed > 0 ? "failed" : "passed",
    counts,
    findings,
  };
  if (!options.dryRun) await putDrill(repo, result);
  if (failed > 0) tally.failed(EXIT.found, failed);
  tally.done(manifest.totals.bytes, manifest.totals.files);
  yield verdictOf(repo, manifest, result);
  yield tally.summary();
}

/** Findings that are kept with the result. */
const MAX_KEPT_FINDINGS = 200;

async function* drill(
  repo: Repository,
  manifest: Manifest,
  counts: { [what: string]: number },
  deps: Deps,
): AsyncGenerator<Finding> {
  using scratch = scratchDir(deps.env);
  const dir = scratch.fresh();
  const place = `backup:${repo.url}@${manifest.id}`;
  const home: Home = { runtime: manifest.runtime, place, root: dir, id: manifest.home_id, live: false };
  try {
    const databases: RestoredDatabase[] = [];
    for await (const line of readListing(repo, manifest)) {
      if (line.database && line.root === "home") databases.push({ line, file: restoredFile(dir, line) });
    }
    yield* checkIndexes(repo, home);
    const plan = { repo, manifest, dir };
    const { files, faults } = await extract(plan, deps);
    counts["files"] = files;
    for (const { path, code, message } of faults) {
      const at = path.slice(dir.length + 1);
      yield findingOf(home, at, { code, severity: "error", message: `${at}: ${message}`, evidence: {} });
    }
    await applyDirectoryMetadata(plan, "below");
    await applyDirectoryMetadata(plan, "top");
    const withoutScratchDir = (finding: Finding): Finding =>
      JSON.parse(JSON.stringify(finding).replaceAll(`${dir}/`, "")) as Finding; // the scratch place means nothing later
    const restored: RestoredHome = { home, source: await detectSource(dir, place, manifest.runtime), scratch, counts };
    const problems: ToolError[] = [];
    const collectingDeps = {
      ...deps,
      log: { ...bindLog(deps.log), problem: (error: ToolError) => void problems.push(error) },
    };
    for await (const finding of testHome(restored, databases, collectingDeps)) yield withoutScratchDir(finding);
    for (const { code, message } of problems) {
      yield withoutScratchDir(
        findingOf(home, undefined, { code: code.slice(2), severity: "error", message, evidence: {} }),
      );
    }
    yield* testSecrets(restored);
  } catch (error) {
    if (!(error instanceof ToolError) || !DAMAGE.has(error.code)) throw error;
    const { code, message } = error;
    yield findingOf(home, manifest.id, { code: code.slice(2), severity: "error", message, evidence: {} });
  }
}

/** Its methods may need their object. */
const bindLog = (log: Log): Log => ({
  debug: (message) => log.debug(message),
  info: (message) => log.info(message),
  problem: (error) => log.problem(error),
});

/** A restore may go well with a damaged index: the next one may not. */
async function* checkIndexes(repo: Repository, home: Home): AsyncGenerator<Finding> {
  for await (const { key } of repo.target.list(INDEXES)) {
    const bytes = await repo.target.get(key);
    if (!bytes || chunkId(bytes) === nameIn(key)) continue; // gone: merged into another one meanwhile
    const message = `${key} does not match its name`;
    yield findingOf(home, key, { code: "INDEX_DAMAGED", severity: "error", message, evidence: {} });
  }
}

/** What the home cannot do without and the snapshot does not hold. */
async function* testSecrets({ home, source }: RestoredHome): AsyncGenerator<Finding> {
  const custody = await source.custody?.();
  for (const { evidence, ...found } of custody?.restored?.(home, home.root) ?? []) {
    const { missing } = evidence as { readonly missing: string };
    const of = source.classify("home", missing, "missing").class;
    yield findingOf(home, missing, {
      ...found,
      evidence: { hint: `keep ${missing} elsewhere, or create --include ${of}` },
    });
  }
}

function verdictOf(
  repo: Repository,
  manifest: Manifest,
  { id, verdict, counts, findings }: DrillResult,
): VerdictRecord {
  const bySeverity = Object.groupBy(findings, ({ severity }) => severity);
  const found = Object.fromEntries(Object.entries(bySeverity).map(([name, list]) => [name, list!.length]));
  return {
    kind: "verdict",
    runtime: manifest.runtime,
    home: `backup:${repo.url}@${manifest.id}`,
    id: manifest.id,
    verdict,
    evidence: { drill: id, home_id: manifest.home_id, taken_at: manifest.started_at, ...counts, findings: found },
  };
}
