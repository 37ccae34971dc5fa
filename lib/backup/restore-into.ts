// Restores into a home that is there: one session, some classes, or the whole; what goes for it lies in the trash then.
import { mkdirSync, writeFileSync } from "node:fs";
import { giveAway } from "../files/give-away.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { fileTrouble } from "../files/trouble.ts";
import { closeJournal, JOURNAL_FORMAT, journalDir, unfinished, writeJournal, type Step } from "../formats/journal.ts";
import type { Manifest } from "../formats/manifest.ts";
import { openRepository, type Repository } from "../formats/repository.ts";
import { resolveSnapshot, type Wanted } from "../formats/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import { tombstoneName } from "../formats/tombstone.ts";
import { changing } from "../places/home-change.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { tombstonesDir } from "../sources/agh/layout.ts";
import { takeSteps } from "../sources/agh/take-steps.ts";
import { lacksVaultKey } from "../sources/agh/vault-key.ts";
import { createSnapshots } from "./create.ts";
import { isThere, SIDECARS } from "./into-plan.ts";
import { prepare, type Prepared } from "./prepare-into.ts";
import { outsideFindings, vaultFinding } from "./restore-findings.ts";
import { chosenPart, type Chosen, type Part } from "./restore-part.ts";

export interface RestoreInto extends Part, Wanted {
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

export interface Restoring {
  readonly repo: Repository;
  readonly manifest: Manifest;
  readonly place: OpenPlace;
  readonly chosen: Chosen;
  readonly replace: boolean;
  readonly deps: Deps;
}

/**
 * Yields an `action` for each path that comes, goes or is kept, planned or (with `apply`) done, a `finding` for what is
 * worth knowing, the `session`, and a `summary`.
 * A live daemon, a home that others may write to, and what would be overwritten unasked are refused (4).
 */
export async function* restoreInto(options: RestoreInto, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  repo.requireIdentity();
  const manifest = await resolveSnapshot(repo, options.id, options);
  using place = await openPlace(options.into, { runtime: manifest.runtime }, deps);
  const { home } = place;
  if (!home.live) throw usageError(`${options.into} cannot be written to`, "--into DIR");
  if (home.runtime !== "agh") {
    const { restoreRows } = await import("./restore-rows.ts");
    const rowTally = new Tally("agh-backup restore", deps, ulid(deps.now()));
    return yield* restoreRows({ ...options, repo, manifest, place }, rowTally, deps);
  }
  const chosen = await chosenPart(repo, manifest, options);
  if (options.replace && chosen.session === undefined) throw usageError("--replace goes with --session");
  const restoring: Restoring = { repo, manifest, place, chosen, replace: options.replace, deps };
  const tally = new Tally("agh-backup restore", deps, ulid(deps.now()));
  if (!options.apply) {
    using scratch = scratchDir(deps.env);
    const prepared = await prepare(restoring, scratch.fresh(), "planned");
    for (const action of actionsOf(prepared, restoring, tally, "planned")) yield action;
    yield* outsideFindings(prepared, manifest);
    return yield tally.summary({ status: "planned" });
  }
  // A killed run is finished first: what it has changed is not what the safety snapshot is to hold.
  if (unfinished(home.root).length > 0) await changing(home, options.lockTimeoutMs, deps, async () => undefined);
  if (chosen.session === undefined) yield* safetySnapshot(options, deps, tally);
  let prepared: Prepared | undefined;
  await changing(home, options.lockTimeoutMs, deps, async () => {
    prepared = await bring(restoring, tally.run);
  });
  for (const action of actionsOf(prepared!, restoring, tally, "done")) yield action;
  yield* outsideFindings(prepared!, manifest);
  if (lacksVaultKey(home.root)) yield vaultFinding(home.place, manifest);
  if (chosen.session !== undefined) yield* place.source.sessions(home, { ids: [chosen.session] }, deps);
  yield tally.summary();
}

/** The home as it is, in the same repository: the way back. */
async function* safetySnapshot(options: RestoreInto, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const { repo, into: home, toolkit } = options;
  const wanted = { repo, toolkit, include: [], exclude: [], tags: ["before-restore"], consistency: "cut" as const };
  for await (const record of createSnapshots([{ home }], { ...wanted, lockTimeoutMs: 0 }, deps)) {
    if (record.kind === "snapshot") yield record;
    else if (record["exit"] !== EXIT.ok) tally.failed(EXIT.partial);
  }
}

/** All of it, or nothing; a killed run is brought to its end by the next one. */
async function bring(restoring: Restoring, run: string): Promise<Prepared> {
  const { root, id: home_id } = restoring.place.home;
  const dir = journalDir(root, run);
  const staged = joinPath(dir, "new");
  let prepared: Prepared;
  try {
    mkdirSync(osPath(staged), { recursive: true, mode: 0o700 });
    prepared = await prepare(restoring, staged, "staged");
    if (prepared.rows !== undefined) writeFileSync(osPath(joinPath(dir, ROWS)), prepared.rows, { mode: 0o600 });
    giveAway(dir, root);
    syncTree(dir);
    const steps = stepsOf(prepared, restoring, { run, staged });
    if (steps.length > 0)
      writeJournal(root, { format: JOURNAL_FORMAT, run, tool: "agh-backup restore", home_id, steps });
    else return prepared;
  } catch (error) {
    throw fileTrouble(dir, "write below", error);
  } finally {
    // Without a journal nothing has been changed, and nothing is left.
    if (!isThere(joinPath(dir, "journal.json"))) closeJournal(dir);
  }
  takeSteps(root, {
    format: JOURNAL_FORMAT,
    run,
    tool: "agh-backup restore",
    home_id,
    steps: stepsOf(prepared, restoring, { run, staged }),
  });
  closeJournal(dir);
  return prepared;
}

const ROWS = "rows.jsonl";

/** Rows come first: a directory without its workspace's row would keep the daemon from starting. */
function stepsOf(
  { arrivals, aside, kept = [], rows }: Prepared,
  { manifest, chosen, place: { home } }: Restoring,
  { run, staged }: { readonly run: string; readonly staged: string },
): Step[] {
  const trash = joinPath(home.root, `.agh-toolkit/trash/${run}`);
  const trashed = (path: string): string =>
    joinPath(trash, path.startsWith(`${home.root}/`) ? path.slice(home.root.length + 1) : `outside${path}`);
  const going = new Set(aside);
  const goes = (path: string): Step[] =>
    going.delete(path) ? [{ do: "aside" as const, path, to: trashed(path) }] : [];
  return [
    ...(rows === undefined ? [] : [{ do: "rows" as const, files: [ROWS], own_home: manifest.home_id === home.id }]),
    // One after the other: a killed run leaves what can still be told to be a home, and finished.
    ...arrivals.flatMap(({ from, to }): Step[] => [
      ...SIDECARS.flatMap((suffix) => goes(to + suffix)),
      ...goes(to),
      { do: "move" as const, from: joinPath(staged, from), to },
    ]),
    ...[...going].flatMap(goes),
    ...kept.map(({ path }) => ({ do: "move" as const, from: trashed(path), to: path })),
    ...tombstonesOf(home.root, chosen.session),
  ];
}

/** A session that is back is not retired any more. */
function tombstonesOf(root: string, session: string | undefined): Step[] {
  if (session === undefined) return [];
  const path = joinPath(tombstonesDir(root), tombstoneName(session));
  return isThere(path) ? [{ do: "remove", path }] : [];
}

function* actionsOf(
  { arrivals, aside, kept = [], rows }: Prepared,
  { manifest, chosen, place: { home } }: Restoring,
  tally: Tally,
  state: "planned" | "done",
): Generator<Action> {
  const session = chosen.session === undefined ? {} : { session_id: chosen.session };
  const of = (verb: string, path: string, bytes = 0): Action => {
    tally.done(bytes);
    const subject = { path, snapshot: manifest.id, ...session };
    return { kind: "action", runtime: "agh", home: home.place, id: path, verb, subject, state, bytes };
  };
  if (rows !== undefined)
    yield { ...of("put-rows", "agh.db", rows.length), reason: "rows that are missing; none is changed" };
  for (const path of aside) yield { ...of("set-aside", path), reason: "what is there goes to .agh-toolkit/trash" };
  for (const { to, bytes } of arrivals) yield of("put", to, bytes);
  for (const { path, reason } of kept) yield { ...of("keep", path), reason };
}
