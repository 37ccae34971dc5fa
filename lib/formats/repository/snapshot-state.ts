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

export class SnapshotStates {
  /** Newest first. */
  readonly drills: readonly DrillResult[];
  #drills: ReadonlyMap<string, readonly DrillResult[]>;
  #accepted: ReadonlyMap<string, Acceptance>;

  constructor(drills: readonly DrillResult[], acceptances: readonly Acceptance[]) {
    this.drills = drills;
    this.#drills = Map.groupBy(drills, ({ snapshot }) => snapshot);
    this.#accepted = new Map(acceptances.toReversed().map((each) => [each.snapshot, each]));
  }

  /** What cannot be read of a result goes to `problem`. */
  static async read(repo: Repository, problem: (error: ToolError) => void): Promise<SnapshotStates> {
    const drills: DrillResult[] = [];
    for await (const drill of listDrills(repo, problem)) drills.push(drill);
    const acceptances: Acceptance[] = [];
    for await (const acceptance of listAcceptances(repo, problem)) acceptances.push(acceptance);
    return new SnapshotStates(drills, acceptances);
  }

  of({ id, suspicions = [] }: Pick<Manifest, "id" | "suspicions">): SnapshotAssessment {
    const run = (this.#drills.get(id) ?? []).filter(({ verdict }) => verdict !== "not run");
    const accepted = this.#accepted.get(id);
    const newest = run[0];
    const passed = run.find(({ verdict, by }) => verdict === "passed" && by === undefined);
    const proven = passed && { provenAt: passed.started_at };
    if (newest?.verdict === "failed" && !(accepted && accepted.accepted_at > newest.started_at)) {
      return { state: "bad", reasons: failureReasons(newest), ...proven };
    }
    if (suspicions.length > 0 && !accepted) {
      return { state: "suspect", reasons: shown(suspicions.map(({ message }) => message)), ...proven };
    }
    const reasons = accepted ? [`accepted: ${accepted.because}`] : [];
    // A drill that has failed since does not make an earlier one worth less than nothing: the newest counts.
    const isGood = run.find(({ by }) => by === undefined)?.verdict === "passed";
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

const failureReasons = ({ by, started_at, findings }: DrillResult): readonly string[] => [
  `the ${by === "verify" ? "deep verification" : "drill"} of ${started_at} failed`,
  ...shown(findings.filter(({ severity }) => severity === "error").map(({ code, message }) => message || code)),
];

const shown = (all: readonly string[]): readonly string[] =>
  all.length <= SHOWN ? all : [...all.slice(0, SHOWN), `and ${all.length - SHOWN} more`];
