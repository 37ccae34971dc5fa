// Runs by a schedule in this very process, one after the other, until a signal: for places without cron.
import { setTimeout as sleep } from "node:timers/promises";
import { openForWriting } from "../../formats/repository/authorship/open-for-writing.ts";
import { ulid } from "../../formats/ulid.ts";
import { parseSchedule, type Schedule } from "../../policy/schedule.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { AnyRecord, Item, Items } from "../../records/record.ts";
import { Artefact, Block } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";

export interface WatchOptions {
  readonly cron: string;
  /** Must exist when it begins: a mistyped one is reported at once. */
  readonly repo: string;
  /** The zone of the schedule; else the machine's own. */
  readonly zone?: string | undefined;
  /** Each run reads what it has stored: of an encrypted repository that needs an identity, reported at once as well. */
  readonly verifies?: boolean;
  /** How long at most the clock is not looked at: it may be set, and a machine may sleep. */
  readonly tickMs?: number;
}

/**
 * Yields what each run yields but for its summary, a `finding` for a run that failed, for times that passed during another
 * and for a clock that was set back, and one `summary` at the end. A wrong schedule → 2, at once.
 */
export async function* watch(options: WatchOptions, run: () => Items, deps: Deps): AsyncGenerator<Item> {
  const schedule = await parseSchedule(options.cron, options.zone);
  const repo = await openForWriting(options.repo, { env: deps.env, pins: false });
  if (options.verifies) repo.requireIdentity();
  // The summary of each run has counted its problems.
  const tally = new Tally("agh-backup watch", withoutProblems(deps), ulid(deps.now()));
  const clock = new Clock(deps);
  let due = schedule.next(clock.now());
  deps.log.info(`the next run is at ${due.toISOString()}`);
  for (;;) {
    const waited = await waitUntil(due, clock, options, deps);
    if (waited === "stopped") break;
    if (waited === "due") {
      yield* runOnce(run, due, deps, tally);
      const { next, missed } = findNextRun(schedule, due, clock.now());
      if (missed > 0) yield missedFinding(due, missed, next);
      due = next;
    }
    const setBack = clock.takeSetBack();
    if (!setBack) continue;
    due = schedule.next(setBack.to);
    yield setBackFinding(setBack, due);
  }
  yield tally.summary();
}

const TICK_MS = 1000;
/** A schedule knows minutes: what sets a clock back by less delays a run by less. */
const SET_BACK_MS = 60_000;

interface SetBack {
  readonly from: Date;
  readonly to: Date;
}

/** The clock on the wall, and whether somebody has set it back. */
class Clock {
  #deps: Pick<Deps, "now">;
  #latest = 0;
  #setBack: SetBack | undefined;

  constructor(deps: Pick<Deps, "now">) {
    this.#deps = deps;
  }

  now(): Date {
    const now = this.#deps.now();
    const isSetBack = now.getTime() <= this.#latest - SET_BACK_MS;
    if (isSetBack) this.#setBack = { from: this.#setBack?.from ?? new Date(this.#latest), to: now };
    this.#latest = isSetBack ? now.getTime() : Math.max(this.#latest, now.getTime());
    return now;
  }

  get isSetBack(): boolean {
    return this.#setBack !== undefined;
  }

  /** Once for each time that it was set back. */
  takeSetBack(): SetBack | undefined {
    const setBack = this.#setBack;
    this.#setBack = undefined;
    return setBack;
  }
}

/** Waits for a time on the clock, until a signal comes, or until the clock is set back. */
async function waitUntil(
  due: Date,
  clock: Clock,
  { tickMs = TICK_MS }: WatchOptions,
  { signal }: Deps,
): Promise<"due" | "stopped" | "set back"> {
  for (;;) {
    if (signal.aborted) return "stopped";
    const left = due.getTime() - clock.now().getTime();
    if (clock.isSetBack) return "set back";
    if (left <= 0) return "due";
    try {
      await sleep(Math.min(left, tickMs), undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function* runOnce(run: () => Items, due: Date, deps: Deps, tally: Tally): AsyncGenerator<Item> {
  try {
    for await (const item of run()) {
      if (isSummary(item)) addSummary(tally, item);
      else yield item;
    }
  } catch (error) {
    if (deps.signal.aborted) return;
    if (!(error instanceof ToolError)) throw error;
    // A disk that is not there now may be there next time.
    tally.failed(error.exit);
    deps.log.problem(error);
    yield failedFinding(due, error);
  }
}

const isSummary = (item: Item): item is AnyRecord =>
  !(item instanceof Artefact || item instanceof Block) && item.kind === "summary";

function addSummary(tally: Tally, { exit, items, bytes, failed }: AnyRecord): void {
  tally.done(Number(bytes), Number(items) - Number(failed));
  if (exit !== 0) tally.failed(exit as 1, Number(failed));
}

/** The first time to come, and how many passed since the last one was due. */
function findNextRun(schedule: Schedule, due: Date, now: Date): { readonly next: Date; readonly missed: number } {
  let next = schedule.next(due);
  let missed = 0;
  for (; next <= now && missed < MAX_MISSED; missed++) next = schedule.next(next);
  return { next: next <= now ? schedule.next(now) : next, missed };
}

/** A machine that slept for a month need not count its minutes: each takes some milliseconds. */
const MAX_MISSED = 500;

const missedFinding = (due: Date, missed: number, next: Date): Finding => ({
  kind: "finding",
  code: "RUN_MISSED",
  severity: "warn",
  message: `${missed === MAX_MISSED ? "at least " : ""}${missed} time${missed === 1 ? "" : "s"} passed between ${due.toISOString()}, when a run was due, and its end`,
  evidence: { due: due.toISOString(), missed, next: next.toISOString() },
});

const setBackFinding = ({ from, to }: SetBack, next: Date): Finding => ({
  kind: "finding",
  code: "CLOCK_SET_BACK",
  severity: "warn",
  message: `the clock was set back from ${from.toISOString()} to ${to.toISOString()}: the next run is at ${next.toISOString()}`,
  evidence: { from: from.toISOString(), to: to.toISOString(), next: next.toISOString() },
});

const failedFinding = (due: Date, { code, message, exit }: ToolError): Finding => ({
  kind: "finding",
  code: "RUN_FAILED",
  severity: "error",
  message: `the run of ${due.toISOString()} failed: ${message}`,
  evidence: { due: due.toISOString(), error: code, exit },
});
