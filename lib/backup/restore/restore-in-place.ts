// Restores into a home that is there: one session, some classes, or the whole; what is replaced is moved to the trash.
import { mkdirSync, writeFileSync } from "node:fs";
import { chownLike } from "../../files/chown-tree.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { scratchDir } from "../../files/scratch.ts";
import { syncTree } from "../../files/sync-tree.ts";
import { toFileError } from "../../files/errors.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  listUnfinishedRuns,
  writeJournal,
  type Step,
} from "../../formats/journal.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { resolveSnapshot, type SnapshotFilter } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import { tombstoneName } from "../../formats/archive/tombstone.ts";
import { withHomeChange } from "../../places/home-change.ts";
import { openPlace, type OpenPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { tombstonesDir } from "../../sources/agh/home/layout.ts";
import { executeSteps } from "../../sources/agh/custody/execute-steps.ts";
import { lacksVaultKey } from "../../sources/agh/catalog/vault-key.ts";
import { createSnapshots } from "../create/create.ts";
import { pathExists, SIDECARS } from "./plan-in-place.ts";
import { stageInPlace, type StagedRestore } from "./stage-in-place.ts";
import { outsideFindings, vaultFinding } from "./restore-findings.ts";
import { resolveRestoreScope, type RestoreScope, type RestoreSelection } from "./restore-scope.ts";

export interface RestoreInPlace extends RestoreSelection, SnapshotFilter {
  readonly repo: string;
  readonly id: string;
  /** The home. */
  readonly into: string;
  /** A session that is there and differs goes to the trash. */
  readonly replace: boolean;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
  /** This toolkit's version. */
  readonly toolkit: string;
}

export interface RestoreContext {
  readonly repo: Repository;
  readonly manifest: Manifest;
  readonly place: OpenPlace;
  readonly scope: RestoreScope;
  readonly replace: boolean;
  readonly deps: Deps;
}

/**
 * Yields an `action` for each path that is installed, moved aside or kept, planned or (with `apply`) done, a `finding` for what is
 * worth knowing, the `session`, and a `summary`.
 * A live daemon, a home that others may write to, and what would be overwritten unasked are refused (4).
 */
export async function* restoreInPlace(options: RestoreInPlace, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  repo.requireIdentity();
  const manifest = await resolveSnapshot(repo, options.id, options);
  using place = await openPlace(options.into, { runtime: manifest.runtime }, deps);
  const { home } = place;
  if (!home.live) throw usageError(`${options.into} is read-only`, "--into DIR");
  if (home.runtime !== "agh") {
    const { restoreSessionRows: restoreRows } = await import("./restore-session-rows.ts");
    const rowTally = new Tally("agh-backup restore", deps, ulid(deps.now()));
    return yield* restoreRows({ ...options, repo, manifest, place }, rowTally, deps);
  }
  const scope = await resolveRestoreScope(repo, manifest, options);
  if (options.replace && scope.session === undefined) throw usageError("--replace needs --session");
  const context: RestoreContext = { repo, manifest, place, scope, replace: options.replace, deps };
  const tally = new Tally("agh-backup restore", deps, ulid(deps.now()));
  if (!options.apply) {
    using scratch = scratchDir(deps.env);
    const prepared = await stageInPlace(context, scratch.fresh(), "planned");
    for (const action of actionsOf(prepared, context, tally, "planned")) yield action;
    yield* outsideFindings(prepared, manifest);
    return yield tally.summary({ status: "planned" });
  }
  // A killed run is finished first: what it has changed is not what the safety snapshot is to hold.
  if (listUnfinishedRuns(home.root).length > 0)
    await withHomeChange(home, options.lockTimeoutMs, deps, async () => undefined);
  if (scope.session === undefined) yield* safetySnapshot(options, deps, tally);
  let prepared: StagedRestore | undefined;
  await withHomeChange(home, options.lockTimeoutMs, deps, async () => {
    prepared = await install(context, tally.run);
  });
  for (const action of actionsOf(prepared!, context, tally, "done")) yield action;
  yield* outsideFindings(prepared!, manifest);
  if (lacksVaultKey(home.root)) yield vaultFinding(home.place, manifest);
  if (scope.session !== undefined) yield* place.source.sessions(home, { ids: [scope.session] }, deps);
  yield tally.summary();
}

/** The home as it is, in the same repository: the way back. */
async function* safetySnapshot(options: RestoreInPlace, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const { repo, into: home, toolkit } = options;
  const createOptions = {
    repo,
    toolkit,
    include: [],
    exclude: [],
    tags: ["before-restore"],
    consistency: "cut" as const,
  };
  for await (const record of createSnapshots([{ home }], { ...createOptions, lockTimeoutMs: 0 }, deps)) {
    if (record.kind === "snapshot") yield record;
    else if (record["exit"] !== EXIT.ok) tally.failed(EXIT.partial);
  }
}

/** All of it, or nothing; a killed run is brought to its end by the next one. */
async function install(context: RestoreContext, run: string): Promise<StagedRestore> {
  const { root, id: home_id } = context.place.home;
  const dir = journalDir(root, run);
  const staged = joinPath(dir, "new");
  let prepared: StagedRestore;
  try {
    mkdirSync(osPath(staged), { recursive: true, mode: 0o700 });
    prepared = await stageInPlace(context, staged, "staged");
    if (prepared.rows !== undefined) writeFileSync(osPath(joinPath(dir, ROWS)), prepared.rows, { mode: 0o600 });
    chownLike(dir, root);
    syncTree(dir);
    const steps = buildSteps(prepared, context, { run, staged });
    if (steps.length > 0)
      writeJournal(root, { format: JOURNAL_FORMAT, run, tool: "agh-backup restore", home_id, steps });
    else return prepared;
  } catch (error) {
    throw toFileError(dir, "write below", error);
  } finally {
    // Without a journal nothing has been changed, and nothing is left.
    if (!pathExists(joinPath(dir, "journal.json"))) closeJournal(dir);
  }
  executeSteps(root, {
    format: JOURNAL_FORMAT,
    run,
    tool: "agh-backup restore",
    home_id,
    steps: buildSteps(prepared, context, { run, staged }),
  });
  closeJournal(dir);
  return prepared;
}

const ROWS = "rows.jsonl";

/** Rows come first: a directory without its workspace's row would keep the daemon from starting. */
function buildSteps(
  { installs, aside, kept = [], rows }: StagedRestore,
  { manifest, scope, place: { home } }: RestoreContext,
  { run, staged }: { readonly run: string; readonly staged: string },
): Step[] {
  const trash = joinPath(home.root, `.agh-toolkit/trash/${run}`);
  const trashed = (path: string): string =>
    joinPath(trash, path.startsWith(`${home.root}/`) ? path.slice(home.root.length + 1) : `outside${path}`);
  const remaining = new Set(aside);
  const asideStep = (path: string): Step[] =>
    remaining.delete(path) ? [{ do: "aside" as const, path, to: trashed(path) }] : [];
  return [
    ...(rows === undefined ? [] : [{ do: "rows" as const, files: [ROWS], own_home: manifest.home_id === home.id }]),
    // One after the other: a killed run leaves what is still recognizable as a home, and can be finished.
    ...installs.flatMap(({ from, to }): Step[] => [
      ...SIDECARS.flatMap((suffix) => asideStep(to + suffix)),
      ...asideStep(to),
      { do: "move" as const, from: joinPath(staged, from), to },
    ]),
    ...[...remaining].flatMap(asideStep),
    ...kept.map(({ path }) => ({ do: "move" as const, from: trashed(path), to: path })),
    ...tombstoneSteps(home.root, scope.session),
  ];
}

/** A session that is back is not retired any more. */
function tombstoneSteps(root: string, session: string | undefined): Step[] {
  if (session === undefined) return [];
  const path = joinPath(tombstonesDir(root), tombstoneName(session));
  return pathExists(path) ? [{ do: "remove", path }] : [];
}

function* actionsOf(
  { installs, aside, kept = [], rows }: StagedRestore,
  { manifest, scope, place: { home } }: RestoreContext,
  tally: Tally,
  state: "planned" | "done",
): Generator<Action> {
  const session = scope.session === undefined ? {} : { session_id: scope.session };
  const of = (verb: string, path: string, bytes = 0): Action => {
    tally.done(bytes);
    const subject = { path, snapshot: manifest.id, ...session };
    return { kind: "action", runtime: "agh", home: home.place, id: path, verb, subject, state, bytes };
  };
  if (rows !== undefined)
    yield { ...of("put-rows", "agh.db", rows.length), reason: "missing rows are added; existing rows are not changed" };
  for (const path of aside)
    yield { ...of("set-aside", path), reason: "the existing path is moved to .agh-toolkit/trash" };
  for (const { to, bytes } of installs) yield of("put", to, bytes);
  for (const { path, reason } of kept) yield { ...of("keep", path), reason };
}
