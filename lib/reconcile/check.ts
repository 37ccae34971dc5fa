// Holds everything in a home against everything else: one finding for each thing that is wrong, or worth knowing.
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { openAble, type Place } from "../places/at-home.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Finding } from "../records/judgements.ts";
import { judge } from "../sources/agh/findings.ts";
import type { Found, Judged, Level } from "../sources/reconciling.ts";
import type { Home } from "../sources/source.ts";
import { chooser, type Chosen } from "./chosen.ts";
import { idsOf } from "./plan.ts";
import { RULES } from "./rules.ts";

export interface CheckHome extends Chosen {
  readonly place: Place;
  /** The least severity that makes the exit code 1. */
  readonly failOn: "info" | "warn" | "error" | "never";
}

const BAD = { error: 3, warn: 2, info: 1, ok: 0 } as const;

/** Yields findings and a `summary`; `items` are the sessions looked at. Nothing is touched. */
export async function* checkHome(options: CheckHome, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile check", deps, ulid(deps.now()));
  using opened = await openAble(options.place, "reconcile", deps);
  const { sessions, found } = await judged(opened, options.level, deps);
  const isMeant = chooser(options, sessions, deps);
  const counts = { error: 0, warn: 0, info: 0 };
  tally.done(0, sessions.length);
  for await (const one of found) {
    if (!isMeant(one)) continue;
    const finding = findingOf(opened.home, one);
    counts[finding.severity]++;
    const { severity } = RULES.get(one.code)!;
    if (options.failOn !== "never" && BAD[severity] >= BAD[options.failOn]) tally.failed(EXIT.found, 0);
    yield finding;
  }
  yield tally.summary({ level: options.level, findings: counts });
}

async function judged({ home, source }: OpenPlace, level: Level, deps: Deps): Promise<Judged> {
  if (source.reconciling) return (await source.reconciling()).judge(home, level, deps);
  const { look, found } = await judge(home, { level }, deps);
  return { sessions: idsOf(look), found };
}

/** The record of a finding; severity comes from the table alone. */
function findingOf({ runtime, place }: Home, { code, id, message, evidence, action }: Found): Finding {
  const { severity } = RULES.get(code)!;
  return {
    kind: "finding",
    runtime,
    home: place,
    ...(id !== undefined && { id }),
    code,
    severity: severity === "ok" ? "info" : severity,
    message,
    evidence,
    ...(action && { action: { verb: action.verb, loses: action.loses } }),
  };
}
