// What a snapshot lacks of what its source had: by its own manifest and catalog, and against the newest snapshot that was proven good.
import { isComplete, type CoverageGap, type Manifest, type Suspicion } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { listManifests, readListing } from "../../formats/repository/snapshots.ts";
import { asPartial, ToolError } from "../../records/error.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { findLosses } from "../losses/find-losses.ts";
import { openListing } from "../losses/pair-lines.ts";
import type { DrilledSnapshot } from "./drill-snapshot.ts";
import { findingOf, type RestoredHome } from "./restored-home.ts";

/**
 * Every one is an error, but for a workspace that the source itself did not have. What was meant is accepted by name (`--accept-missing`), or
 * with the snapshot (`accept`).
 */
export async function* findLostParts(
  { repo, manifest, counts }: DrilledSnapshot,
  restored: RestoredHome,
  deps: Deps,
): AsyncGenerator<Finding> {
  const { home } = restored;
  const lost = (code: string, message: string, evidence: object, id?: string): Finding =>
    findingOf(home, id, { code, severity: "error", message, evidence });
  if (counts["sessions"] === 0 && !(await hasCatalog(repo, manifest))) {
    yield lost("HOME_EMPTY", "the snapshot holds neither a session nor a catalog", {});
  }
  const states = await SnapshotStates.read(repo, (error) => deps.log.problem(asPartial(error)));
  if (states.acceptanceOf(manifest.id)) return;
  for (const gap of isComplete(manifest) ? [] : manifest.coverage) {
    if (!gap.missing || gap.accepted) continue;
    const finding = lost("NOT_BACKED_UP", gapMessage(gap), { ...gap }, placeOf(gap));
    const isAbsent = gap.code === "ROOT_MISSING" && gap.class === "workspaces";
    yield isAbsent ? { ...finding, severity: "warn" } : finding;
  }
  for (const { code, id, path, message, evidence } of manifest.suspicions ?? []) {
    yield lost(code, message, evidence, id ?? path);
  }
  const reference = await findReference(repo, manifest, states);
  const reading = withoutProblems(deps); // what cannot be read was found already
  if (!reference) yield* findLostSessions({ manifest, counts }, restored, reading);
  const known = new Set((manifest.suspicions ?? []).map(({ code, id, path }) => [code, id, path].join(" ")));
  try {
    for await (const { code, id, path, message, evidence } of findLossesSince(
      { repo, reference, manifest },
      restored,
      reading,
    )) {
      if (known.has([code, id, path].join(" "))) continue;
      const since = reference ? { reference: reference.id, ...evidence } : evidence;
      yield lost(code, message, since, id ?? path);
    }
  } catch (error) {
    if (!(error instanceof ToolError) || !reference) throw error;
    const message = `${reference.id}, the newest good snapshot before, could not be compared: ${error.message}`;
    yield findingOf(home, reference.id, { code: "REFERENCE_UNREADABLE", severity: "warn", message, evidence: {} });
  }
}

interface ComparedSnapshots {
  readonly repo: Repository;
  readonly reference: Manifest | undefined;
  readonly manifest: Manifest;
}

/** By their listings: that the drilled one was restored as its listing says is tested already. */
async function* findLossesSince(
  { repo, reference, manifest }: ComparedSnapshots,
  { home, source }: RestoredHome,
  deps: Deps,
): AsyncGenerator<Suspicion> {
  yield* findLosses({
    source,
    snapshot: { ...manifest, listing: await openListing(repo, manifest) },
    reference: reference && { ...reference, listing: await openListing(repo, reference) },
    explainer: async (tombstones) => source.lossExplainer?.(home, deps, tombstones),
  });
}

async function hasCatalog(repo: Repository, manifest: Manifest): Promise<boolean> {
  for await (const line of readListing(repo, manifest)) if (line.database && line.class === "catalog") return true;
  return false;
}

const placeOf = ({ root, path }: Pick<CoverageGap, "root" | "path">): string =>
  path === "" ? root : `${root}/${path}`;

const gapMessage = (gap: CoverageGap): string => `${placeOf(gap)} was not backed up: ${gap.reason}`;

/** The newest one before of the same home that a drill has proven, or whose losses were meant. */
async function findReference(
  repo: Repository,
  { id, home_id }: Manifest,
  states: SnapshotStates,
): Promise<Manifest | undefined> {
  const unreadable = (): void => undefined; // verify says which
  for await (const earlier of listManifests(repo, { homeId: home_id }, unreadable)) {
    if (earlier.id >= id) continue;
    if (states.of(earlier).state === "good" || states.acceptanceOf(earlier.id)) return earlier;
  }
  return undefined;
}

/** Without a snapshot to compare with: sessions that the catalog lists, and of which nothing else is there. */
async function* findLostSessions(
  { manifest, counts }: Pick<DrilledSnapshot, "manifest" | "counts">,
  { home, source }: RestoredHome,
  deps: Deps,
): AsyncGenerator<Finding> {
  const [there, before] = [counts["sessions"] ?? 0, manifest.totals.sessions];
  // Of a home in use more were counted than its copy had, or fewer.
  if (!source.sessionLayout && manifest.cut_at === null && there < before) {
    const message = `the restored home has ${there} sessions; the source had ${before}`;
    yield findingOf(home, undefined, {
      code: "SESSIONS_LOST",
      severity: "error",
      message,
      evidence: { there, before },
    });
  }
  const missing = source.sessionLayout ? await unexplainedRows({ home, source }, deps) : [];
  if (missing.length < 2 || missing.length < there) return; // a few are deleted by hand, and their rows stay
  const message = `the catalog lists ${missing.length} sessions that have no directory, and ${there} that have one`;
  const evidence = { sessions: missing.slice(0, SHOWN), missing: missing.length, there };
  yield findingOf(home, undefined, { code: "SESSIONS_LOST", severity: "error", message, evidence });
}

const SHOWN = 20;

/** Rows whose directory is absent, and that neither an archive nor a tombstone explains. */
async function unexplainedRows(
  { home, source }: Pick<RestoredHome, "home" | "source">,
  deps: Deps,
): Promise<readonly string[]> {
  const explainer = await source.lossExplainer?.(home, deps, new Set());
  const isRowAlone = ({ has, effective }: SessionRecord): boolean => has.row && !has.dir && effective !== "archived";
  const missing: string[] = [];
  for await (const session of source.sessions(home, {}, deps)) {
    const { id } = session;
    if (isRowAlone(session) && (await explainer?.session(id, { id, part: "directory" })) === undefined)
      missing.push(id);
  }
  return missing;
}
