// What would repair a home: one action for each finding that something safe can be done about.
import type { Scratch } from "../files/scratch.ts";
import type { Deps } from "../records/deps.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import {
  REPLACEMENTS,
  type BrokenDatabase,
  type CheckedHome,
  type CheckFinding,
  type ChosenRepair,
  type FindingRules,
  type Repair,
  type Repairer,
} from "../sources/repair.ts";
import type { Home } from "../sources/source.ts";
import { findingFilter } from "./finding-filter.ts";
import { requestOf, type PlanRequest } from "./plan-request.ts";
import type { ReplacementOptions } from "./replacement.ts";

export interface RepairPlanOptions extends PlanRequest, ReplacementOptions {
  /** Of the toolkit; goes into the plan. */
  readonly toolkit: string;
  /** We hold the daemon's lock ourselves. */
  readonly daemonIsOut?: boolean;
}

/** A planned action, and what it takes to do it. */
export interface PlannedAction extends ChosenRepair {
  readonly action: Action;
  /** Another catalog takes its place: all that follows was planned with it. */
  readonly isCatalog: boolean;
}

/** A finding that nothing can be done about: why, or what to do instead. */
export interface UnresolvedFinding {
  readonly code: string;
  readonly id: string | undefined;
  readonly reason: string;
}

export interface Plan {
  readonly checked: CheckedHome;
  readonly actions: readonly PlannedAction[];
  readonly left: readonly UnresolvedFinding[];
}

/** Reads only. The catalog comes first: what else is needed is judged by the one that is to be there. */
export async function planRepairs(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  options: RepairPlanOptions,
  scratch: Scratch,
  deps: Deps,
): Promise<Plan> {
  const planner = new RepairPlanner(home, await source.repairer!(), options, { scratch, deps });
  return planner.plan();
}

interface PlannerTools {
  readonly scratch: Scratch;
  readonly deps: Deps;
}

class RepairPlanner {
  readonly #home: Home;
  readonly #repairer: Repairer;
  readonly #options: RepairPlanOptions;
  readonly #tools: PlannerTools;
  readonly #actions: PlannedAction[] = [];
  readonly #left: UnresolvedFinding[] = [];

  constructor(home: Home, repairer: Repairer, options: RepairPlanOptions, tools: PlannerTools) {
    this.#home = home;
    this.#repairer = repairer;
    this.#options = options;
    this.#tools = tools;
  }

  async plan(): Promise<Plan> {
    const first = await this.#repairer.check(this.#home, this.#options, this.#tools.deps);
    const isSelected = findingFilter(this.#options, first.sessions, this.#tools.deps);
    const all: CheckFinding[] = [];
    for await (const found of first.findings) all.push(found);
    const broken = all.find((found) => isSelected(found) && this.#brokenDatabase(found)?.kind === "catalog");
    const catalogRoot = broken && (await this.#replace(broken, this.#brokenDatabase(broken)!));
    const second = catalogRoot === undefined ? undefined : await this.#checkAgain(catalogRoot);
    for await (const found of second ? second.findings : all) {
      this.#tools.deps.signal.throwIfAborted();
      if (isSelected(found) && found !== broken) await this.#planFor(found);
    }
    return { checked: second ?? first, actions: withoutDuplicates(this.#actions), left: this.#left };
  }

  #checkAgain = (catalogRoot: string): Promise<CheckedHome> =>
    this.#repairer.check(this.#home, { ...this.#options, catalogRoot }, this.#tools.deps);

  #brokenDatabase = (found: CheckFinding): BrokenDatabase | undefined =>
    this.#repairer.brokenDatabase?.(this.#home, found, this.#tools.deps);

  async #planFor(found: CheckFinding): Promise<void> {
    const database = this.#brokenDatabase(found);
    if (database?.kind === "catalog") return;
    // Beside one that has events again, what was moved aside is evidence, and no more.
    if (database && (database.aside.length === 0 || database.isEmpty())) await this.#replace(found, database);
    else if (found.action) this.#add(found, found.action);
    else if (isProblem(found, this.#repairer.rules)) this.#leave(found, adviceFor(found.code, this.#repairer.rules));
  }

  /** The directory of the database that takes its place. */
  async #replace(found: CheckFinding, database: BrokenDatabase): Promise<string | undefined> {
    const { findReplacement } = await import("./replacement.ts"); // most plans replace nothing
    const context = { home: this.#home, ...this.#tools };
    const replacement = await findReplacement(database, this.#options, context);
    if ("dir" in replacement) this.#add(found, replacement.repair, { dir: replacement.dir, database });
    else this.#leave(found, replacement.join("; "));
    return "dir" in replacement ? replacement.dir : undefined;
  }

  #add(
    found: CheckFinding,
    repair: Repair,
    replaced?: { readonly dir: string; readonly database: BrokenDatabase },
  ): void {
    this.#actions.push({
      action: actionOf(this.#home, found, repair, this.#options),
      repair,
      found,
      isCatalog: replaced?.database.kind === "catalog",
      ...(replaced && { replacement: replaced.dir }),
    });
  }

  #leave({ code, id }: CheckFinding, reason: string): void {
    this.#left.push({ code, id, reason });
  }
}

/** Worth a word where nothing is done about it. */
const isProblem = ({ code }: CheckFinding, rules: FindingRules): boolean =>
  ["warn", "error"].includes(rules.get(code)!.severity);

function adviceFor(code: string, rules: FindingRules): string {
  const { action, loses } = rules.get(code)!;
  return action.length === 0 ? loses : "no action is safe yet: repair the other findings first";
}

const MAX_LOGGED = 20;

/** The summary with what is left; the first of it is logged for a person too. */
export function summarize(
  tally: Tally,
  left: readonly UnresolvedFinding[],
  { log }: Deps,
  more: object = {},
): AnyRecord {
  for (const { code, id, reason } of left.slice(0, MAX_LOGGED)) {
    log.info(`not repaired: ${code}${id === undefined ? "" : ` ${id}`}: ${reason}`);
  }
  if (left.length > MAX_LOGGED) log.info(`not repaired: ${left.length - MAX_LOGGED} more; --json lists them`);
  return tally.summary({ ...more, left });
}

const REPLACING: ReadonlySet<string> = new Set(REPLACEMENTS);

/** Two findings about one file (damaged, and beside what was moved aside) are repaired at once. */
function withoutDuplicates(actions: readonly PlannedAction[]): PlannedAction[] {
  const seen = new Set<string>();
  return actions.filter(({ repair: { verb, subject } }) => {
    const key = `${REPLACING.has(verb) ? "anew" : verb} ${JSON.stringify(subject["path"] ?? subject)}`;
    return seen.size !== seen.add(key).size;
  });
}

function actionOf(
  { runtime, place, id }: Home,
  found: CheckFinding,
  repair: Repair,
  options: RepairPlanOptions,
): Action {
  const { verb, subject, expect, loses } = repair;
  return {
    kind: "action",
    runtime,
    home: place,
    id: found.id ?? String(subject["path"]),
    verb,
    subject: { home_id: id, ...subject },
    expect: { toolkit: options.toolkit, asked: requestOf(options), ...expect },
    state: "planned",
    reason: `${found.code}: ${found.message}`,
    loses,
  };
}
