// Retires sessions by a policy: the plan, and with `apply` the deed.
import { openCustody } from "../../custody/open-custody.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import { nearestWord } from "../../policy/nearest-word.ts";
import { decideRetirement, type Floors, type Retirement, type RetirementRules } from "../../policy/retirement.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, usageError } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import type { RetirementUpkeep } from "../../sources/upkeep.ts";
import { Gates, type GateName } from "../gates/gates.ts";
import type { RemovalPlan, RemovalPlanSummary } from "../removal-types.ts";
import { runRemovals } from "../run-removals.ts";
import { RetirementPlanner } from "./plan.ts";

interface RetirementOptions {
  readonly rules: RetirementRules;
  readonly floors: Floors;
  /** Ids that were selected; then the home's own policy is not consulted. */
  readonly selected: ReadonlySet<string> | undefined;
  /** [] is the runtime's own: archived, where archives have a place. */
  readonly require: readonly GateName[];
  /** Agents and workspaces (either id, name or path) whose sessions stay. */
  readonly keepAgents: readonly string[];
  readonly keepWorkspaces: readonly string[];
  /** Where archives lie; the runtime's own place unless given. */
  readonly archive: string | undefined;
  /** Session id to where its archive lies, as a selection says. */
  readonly archives: ReadonlyMap<string, string>;
  readonly repo: string | undefined;
  readonly toolkit: string;
}

export interface RetireSessions extends RetirementOptions {
  readonly place: Place;
  /** Ids of the homes that the selection says it is of. */
  readonly homeIds: ReadonlySet<string>;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each session that goes, or that a gate blocks (3), and a `summary`; 1 where a bound cannot be met. */
export async function* retireSessions(options: RetireSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const { home, source } = opened;
  const { runs, retirement = {} } = (await source.upkeep?.()) ?? {};
  if (runs) throw refusal("E_CANNOT", `${home.place} is a home of ${home.runtime}`, "agh-vacuum runs --hot-days N");
  assertOwnHome(options.homeIds, home);
  const { apply, lockTimeoutMs } = options;
  const planning = planRetirement(opened, retirement, options, deps);
  yield* runRemovals({ tool: "agh-vacuum sessions", opened, planning, apply, lockTimeoutMs }, deps);
}

function assertOwnHome(ids: ReadonlySet<string>, { id, place }: Home): void {
  const guest = [...ids].find((one) => one !== id);
  if (guest === undefined) return;
  throw refusal(
    "E_OTHER_HOME",
    `the selection was made in home ${guest}, but ${place} is home ${id}`,
    "name the home: --home DIR",
  );
}

async function* planRetirement(
  opened: OpenPlace,
  upkeep: RetirementUpkeep,
  options: RetirementOptions,
  deps: Deps,
): RemovalPlan {
  assertAnswerable(opened.home, upkeep, options);
  const rules = await loadRules(opened.home, upkeep, options);
  const planner = await openPlanner(opened, upkeep, options, deps);
  const retirement = await decideRetirement(planner.candidates(), {
    rules,
    now: deps.now(),
    gates: planner.checkGates,
  });
  for (const decision of retirement.decisions) {
    const action = planner.actionFor(decision);
    if (action) yield action;
  }
  yield* planner.missing();
  return summarizePlan(retirement, planner.undo());
}

async function openPlanner(
  opened: OpenPlace,
  upkeep: RetirementUpkeep,
  options: RetirementOptions,
  deps: Deps,
): Promise<RetirementPlanner> {
  const { home, source } = opened;
  const { custody } = await openCustody(opened, deps);
  const records: SessionRecord[] = [];
  for await (const record of source.sessions(home, { lastEvents: true }, deps)) records.push(record);
  const ids = records.map(({ id }) => id);
  const { require, archives, toolkit, keepAgents: keptAgents, repo } = options;
  const archive = options.archive ?? source.defaultArchive?.(home.root);
  return new RetirementPlanner(records, {
    home,
    custody,
    gates: new Gates({ custody, source, deps, archive, repo }),
    lastUse: upkeep.lastUse,
    signal: deps.signal,
    selected: options.selected && resolveIds([...options.selected], ids, deps.log),
    keptAgents,
    keptWorkspaces: await resolveFloors(home, upkeep, { options, records }, deps),
    require,
    archive,
    archives,
    toolkit,
  });
}

/** What the runtime's sessions cannot have or answer would keep nothing, or all. */
function assertAnswerable(
  { runtime, place }: Home,
  { floors, gates }: RetirementUpkeep,
  { keepAgents, keepWorkspaces, require }: RetirementOptions,
): void {
  if (!floors && keepAgents.length + keepWorkspaces.length > 0) {
    throw usageError(
      `${runtime} has no agents and no workspaces: --keep-agent and --keep-workspace keep nothing of ${place}`,
    );
  }
  const other = gates && require.find((gate) => !gates.includes(gate));
  if (other === undefined) return;
  throw refusal(
    "E_CANNOT",
    `--require ${other} cannot be answered for sessions of ${runtime}`,
    "--require archived --archive T",
  );
}

/** Flags go before the home's own policy: where one is given, or sessions are selected, its settings must be readable all the same. */
async function loadRules(
  home: Home,
  upkeep: RetirementUpkeep,
  { rules, floors, selected }: RetirementOptions,
): Promise<RetirementRules & Floors> {
  const ownRules = await upkeep.rules?.(home);
  if (selected !== undefined || isSet(rules)) return { ...rules, ...floors };
  const own = ownRules?.() ?? {};
  if (isSet(own)) return { ...own, ...floors };
  throw usageError(
    "no policy says which sessions to retire",
    "--older-than 30d, --max-total 5G or --max-sessions N; or [memory.session] cold_archive_days in config.toml; or select some: agh-inspect sessions … | agh-vacuum sessions -",
  );
}

const isSet = (rules: RetirementRules): boolean => Object.values(rules).some((value) => value !== undefined);

function summarizePlan({ decisions, excess, total }: Retirement, undo: string | undefined): RemovalPlanSummary {
  const isUnmet = excess.bytes > 0 || excess.sessions > 0;
  return {
    ...(isUnmet && { exit: EXIT.found }),
    facts: {
      total_bytes: total.bytes,
      total_sessions: total.sessions,
      kept: decisions.filter(({ fate }) => fate === "keep").length,
      ...(undo !== undefined && { undo }),
      ...(isUnmet && { excess_bytes: excess.bytes, excess_sessions: excess.sessions }),
    },
  };
}

interface FloorQuery {
  readonly options: RetirementOptions;
  readonly records: readonly SessionRecord[];
}

/** The workspaces whose sessions are kept. A floor that is misspelt would keep nothing: it is an error (2). */
async function resolveFloors(
  home: Home,
  { floors }: RetirementUpkeep,
  { options: { keepAgents, keepWorkspaces }, records }: FloorQuery,
  deps: Deps,
): Promise<ReadonlySet<string>> {
  if (!floors) return new Set();
  assertKnown("agent", keepAgents, [...records.map(({ agent_name }) => agent_name), ...floors.agents(home)]);
  const kept = new Set<string>();
  for (const word of keepWorkspaces) {
    const ids = await floors.workspaces([word], home, deps);
    if (ids.size === 1)
      assertKnown(
        "workspace",
        [word],
        records.map(({ workspace_id }) => workspace_id),
      );
    for (const id of ids) kept.add(id);
  }
  return kept;
}

function assertKnown(what: "agent" | "workspace", words: readonly string[], known: readonly (string | null)[]): void {
  const names = new Set(known.filter((name) => name !== null));
  const unknown = words.find((word) => !names.has(word));
  if (unknown === undefined) return;
  const close = nearestWord(unknown, names);
  throw usageError(
    `--keep-${what} ${unknown}: the home has no such ${what}`,
    close ? `did you mean ${close}?` : undefined,
  );
}
