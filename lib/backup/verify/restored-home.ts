// Tests whether a restored home means what it should, by all that agh-reconcile checks of a home.
import type { Scratch } from "../../files/scratch.ts";
import type { Deps } from "../../records/deps.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { DatabaseFault } from "../../sources/database-check.ts";
import { checkFindingRecord, checkWholeHome } from "../../sources/deep-checks.ts";
import type { Home, Source } from "../../sources/source.ts";

export interface RestoredHome {
  readonly home: Home;
  readonly source: Source;
  readonly scratch: Scratch;
  /** How many of each thing were looked at. */
  readonly counts: { [what: string]: number };
}

/**
 * One set of checks: what is an error of the home is one of its drill, and what is none is none. A private copy has no processes, modes
 * and workspaces of this machine: what depends on them is not checked of it (`home.live`).
 */
export async function* testHome({ home, source, counts }: RestoredHome, deps: Deps): AsyncGenerator<Finding> {
  const { findings, rules } = await checkWholeHome({ home, source }, "deep", deps);
  for await (const found of findings) {
    deps.signal.throwIfAborted();
    yield checkFindingRecord(home, found, rules);
  }
  counts["sessions"] = 0;
  counts["ledgers"] = 0;
  for await (const { has } of source.sessions(home, {}, deps)) {
    // Where sessions have places of their own, one without is no more than a row.
    if (!source.sessionLayout || has.dir) counts["sessions"]++;
    if (has.ledger) counts["ledgers"]++;
  }
  yield* testSecrets({ home, source });
}

/** What the home cannot do without and the snapshot does not hold. */
async function* testSecrets({ home, source }: Pick<RestoredHome, "home" | "source">): AsyncGenerator<Finding> {
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

export const findingOf = ({ runtime, place }: Home, id: string | undefined, fault: DatabaseFault): Finding => ({
  kind: "finding",
  runtime,
  home: place,
  ...(id !== undefined && { id }),
  ...fault,
});
