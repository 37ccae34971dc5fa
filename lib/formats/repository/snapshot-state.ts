// What a snapshot is worth: computed from its manifest, the drills and deep verifications of it, and what was accepted.
import type { ToolError } from "../../records/error.ts";
import { listAcceptances, type Acceptance } from "./acceptance.ts";
import { listDrills, type DrillResult } from "./drill-result.ts";
import type { Manifest } from "./manifest.ts";
import type { Repository } from "./repository.ts";

/**
 * `good`: a drill of it passed. `unproven`: nobody has looked. `suspect`: create found something lost. `bad`: a drill or
 * a deep verification failed.
 */
export type SnapshotState = "good" | "unproven" | "suspect" | "bad";

export interface SnapshotAssessment {
  readonly state: SnapshotState;
  /** Why it is suspect or bad, or that it was accepted; the first lines of what was found. */
  readonly reasons: readonly string[];
  /** When the newest drill of it that passed began; undefined without one. */
  readonly provenAt?: string;
}

const SHOWN = 5;
/** Clocks of two machines differ by less. */
const CLOCKS_DIFFER_MS = 10 * 60_000;

export class SnapshotStates {
  /** Newest first. */
  readonly drills: readonly DrillResult[];
  /** Results and acceptances that cannot be read: what they say of which snapshot is not known. */
  readonly damaged: number;
  #results: ReadonlyMap<string, readonly DrillResult[]>;
  #accepted: ReadonlyMap<string, Acceptance>;

  /** `drills` and `acceptances` newest first. */
  constructor(drills: readonly DrillResult[], acceptances: readonly Acceptance[], damaged = 0) {
    this.drills = drills;
    this.damaged = damaged;
    this.#results = Map.groupBy(
      drills.filter(({ verdict }) => verdict !== "not run"),
      ({ snapshot }) => snapshot,
    );
    this.#accepted = new Map(acceptances.toReversed().map((each) => [each.snapshot, each]));
  }

  /** What cannot be read of a result goes to `problem`; what passed after `now` proves nothing: that clock was wrong. */
  static async read(repo: Repository, problem: (error: ToolError) => void, now?: Date): Promise<SnapshotStates> {
    let damaged = 0;
    const count = (error: ToolError): void => {
      damaged++;
      problem(error);
    };
    const drills: DrillResult[] = [];
    const latest = now ? now.getTime() + CLOCKS_DIFFER_MS : Number.POSITIVE_INFINITY;
    for await (const drill of listDrills(repo, count)) {
      if (drill.verdict !== "passed" || Date.parse(drill.started_at) <= latest) drills.push(drill);
    }
    const acceptances: Acceptance[] = [];
    for await (const acceptance of listAcceptances(repo, count)) acceptances.push(acceptance);
    return new SnapshotStates(drills, acceptances, damaged);
  }

  of({ id, suspicions = [] }: Pick<Manifest, "id" | "suspicions">): SnapshotAssessment {
    const results = this.#results.get(id) ?? [];
    const accepted = this.#accepted.get(id);
    const passed = results.find((each) => isDrill(each) && each.verdict === "passed");
    const proven = passed && { provenAt: passed.started_at };
    const failure = standingFailure(results);
    if (failure && !(accepted && isLater(accepted.accepted_at, failure.finished_at))) {
      return { state: "bad", reasons: failureReasons(failure), ...proven };
    }
    if (suspicions.length > 0 && !accepted) {
      return { state: "suspect", reasons: shown(suspicions.map(({ message }) => message)), ...proven };
    }
    const reasons = accepted ? [`accepted: ${accepted.because}`] : [];
    const isGood = results.find(isDrill)?.verdict === "passed";
    return { state: isGood ? "good" : "unproven", reasons, ...proven };
  }

  /** When the snapshot was accepted although something was lost; undefined where it was not. */
  acceptanceOf(id: string): Acceptance | undefined {
    return this.#accepted.get(id);
  }

  /** Whether what was taken can be relied on: the reference of what comes later. */
  isTrusted(manifest: Pick<Manifest, "id" | "suspicions">): boolean {
    const { state } = this.of(manifest);
    return state === "good" || state === "unproven";
  }
}

const isDrill = ({ by }: DrillResult): boolean => by === undefined;

const isLater = (a: string, b: string): boolean => Date.parse(a) > Date.parse(b);

/** The failure that nothing newer disproves; `results` newest first. That the bytes are right disproves no failed drill. */
function standingFailure(results: readonly DrillResult[]): DrillResult | undefined {
  const [newest] = results;
  if (newest?.verdict === "failed") return newest;
  const drill = results.find(isDrill);
  return drill?.verdict === "failed" ? drill : undefined;
}

const failureReasons = ({ by, started_at, findings }: DrillResult): readonly string[] => [
  `the ${by === "verify" ? "deep verification" : "drill"} of ${started_at} failed`,
  ...shown(findings.filter(({ severity }) => severity === "error").map(({ code, message }) => message || code)),
];

const shown = (all: readonly string[]): readonly string[] =>
  all.length <= SHOWN ? all : [...all.slice(0, SHOWN), `and ${all.length - SHOWN} more`];
