// Prints a plan of removals, or does it: others kept out, killed runs ended first, what was predicted told beside what was freed.
import { staySmall } from "../files/collect.ts";
import { scratchDir } from "../files/scratch.ts";
import { unfinished } from "../formats/journal.ts";
import { ulid } from "../formats/ulid.ts";
import { exclusively } from "../places/exclusive.ts";
import { changing } from "../places/home-change.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, severest, usageError, type Exit } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Ending, Outcome, Planning, Removal } from "./actions.ts";
import { withRoom } from "./no-space.ts";
import { removalOf } from "./removals.ts";

export interface Remove {
  /** Command and verb. */
  readonly tool: string;
  readonly opened: OpenPlace;
  readonly planning: Planning;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
  /** Nothing of it concerns the daemon; then killed runs are left to others too. */
  readonly daemonMayRun?: boolean;
}

/** Yields the actions, planned or done, and a `summary` with the bytes that were predicted and, after the deed, freed. */
export async function* remove(options: Remove, deps: Deps): AsyncGenerator<AnyRecord> {
  staySmall();
  try {
    yield* removing(options, deps);
  } catch (error) {
    throw withRoom(error, options.opened.home);
  }
}

async function* removing(options: Remove, deps: Deps): AsyncGenerator<AnyRecord> {
  const { planning, opened, apply, lockTimeoutMs } = options;
  if (apply) await prepare(options, deps);
  const tally = new Tally(options.tool, deps, ulid(deps.now()));
  const wanted: Action[] = [];
  let predicted = 0;
  let step = await planning.next();
  for (; !step.done; step = await planning.next()) {
    deps.signal.throwIfAborted();
    const action = step.value;
    if (action.state === "planned") predicted += action.bytes ?? 0;
    if (action.state === "planned" && apply) {
      wanted.push(action);
      continue;
    }
    if (action.state === "planned") tally.done(action.bytes);
    else tally.failed(EXIT.partial);
    yield action;
  }
  if (apply) yield* perform(wanted, { opened, lockTimeoutMs, tally }, deps);
  const last = ended(tally, step.value ?? {}, { predicted, apply });
  tell(last, deps);
  yield last;
}

/** What a killed run has begun is brought to its end before anything is planned. */
async function prepare({ opened: { home }, daemonMayRun = false, lockTimeoutMs }: Remove, deps: Deps): Promise<void> {
  if (!home.live) throw usageError(`${home.place} cannot be changed`, "name a directory: --home DIR");
  if (!daemonMayRun && unfinished(home.root).length > 0) await changing(home, lockTimeoutMs, deps, async () => {});
}

function ended(tally: Tally, { exit, facts }: Ending, { predicted, apply }: { predicted: number; apply: boolean }) {
  if (exit !== undefined) tally.failed(exit, 0);
  const told = tally.summary({ predicted_bytes: predicted, ...(!apply && { status: "planned" as const }), ...facts });
  return apply ? { ...told, freed_bytes: told.bytes } : told;
}

/** What a table has no room for. */
function tell(summary: AnyRecord, { log }: Deps): void {
  const { predicted_bytes: predicted, freed_bytes: freed, excess_bytes: bytes, excess_sessions: sessions } = summary;
  if (freed !== undefined) log.info(`${String(freed)} bytes freed, ${String(predicted)} were predicted`);
  else if (predicted !== 0) log.info(`this frees ${String(predicted)} bytes`);
  if (bytes || sessions)
    log.info(`floors and gates leave ${String(bytes)} bytes, ${String(sessions)} sessions too many`);
}

export interface Performing {
  readonly opened: OpenPlace;
  readonly lockTimeoutMs: number;
  readonly tally: Tally;
}

/** Does planned actions. Where something stops them (a full disk), what was done by then is yielded before it is thrown. */
export async function* perform(
  actions: readonly Action[],
  { opened, lockTimeoutMs, tally }: Performing,
  deps: Deps,
): AsyncGenerator<Action> {
  if (actions.length === 0) return;
  const { home, source } = opened;
  const kinds = await Promise.all(
    [...Map.groupBy(actions, ({ verb }) => verb)].map(async ([verb, of]) => ({ removal: await removalOf(verb), of })),
  );
  const outcomes: Outcome[] = [];
  let trouble: { readonly error: unknown } | undefined;
  using scratch = scratchDir(deps.env);
  const within = { home, source, run: tally.run, scratch, deps };
  try {
    await keepingOut(
      kinds.map(({ removal }) => removal),
      async () => {
        for (const { removal, of } of kinds) {
          for await (const outcome of removal.perform(of, within)) outcomes.push(outcome);
        }
      },
    );
  } catch (error) {
    trouble = { error };
  }
  for (const outcome of outcomes) yield counted(outcome, tally);
  if (trouble) throw trouble.error;

  async function keepingOut(removals: readonly Removal[], change: () => Promise<void>): Promise<void> {
    if (removals.some(({ daemonOut }) => daemonOut)) return changing(home, lockTimeoutMs, deps, change);
    return exclusively({ home, lockTimeoutMs, daemonMayRun: true }, deps, change);
  }
}

function counted({ action, exit = EXIT.partial }: Outcome, tally: Tally): Action {
  if (action.state === "done") tally.done(action.freed ?? 0);
  else tally.failed(severest(EXIT.partial, exit) as Exit);
  return action;
}
