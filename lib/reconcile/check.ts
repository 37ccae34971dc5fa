// Checks a home's stores against one another: one finding for each thing that is wrong, or worth knowing.
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import { checkFindingRecord, checkWholeHome } from "../sources/deep-checks.ts";
import { findingFilter, type FindingSelectors } from "./finding-filter.ts";

export interface CheckHome extends FindingSelectors {
  readonly place: Place;
  /** The least severity that makes the exit code 1. */
  readonly failOn: "info" | "warn" | "error" | "never";
}

const SEVERITY_RANK = { error: 3, warn: 2, info: 1, ok: 0 } as const;

/** Yields findings and a `summary`; `items` are the sessions looked at. Nothing is touched. */
export async function* checkHome(options: CheckHome, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile check", deps, ulid(deps.now()));
  using opened = await openWithCapability(options.place, "reconcile", deps);
  const { home, source } = opened;
  const { sessions, rules, findings: found } = await checkWholeHome({ home, source }, options.level, deps);
  const isSelected = findingFilter(options, sessions, deps);
  const counts = { error: 0, warn: 0, info: 0 };
  tally.done(0, sessions.length);
  for await (const one of found) {
    if (!isSelected(one)) continue;
    const finding = checkFindingRecord(home, one, rules);
    counts[finding.severity]++;
    const { severity } = rules.get(one.code)!;
    if (options.failOn !== "never" && SEVERITY_RANK[severity] >= SEVERITY_RANK[options.failOn])
      tally.failed(EXIT.found, 0);
    yield finding;
  }
  yield tally.summary({ level: options.level, findings: counts });
}
