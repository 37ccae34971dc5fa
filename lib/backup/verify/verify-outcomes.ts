// The outcomes of a deep verification, snapshot by snapshot, as they are kept beside those of the drills.
import { snapshotKey } from "../../formats/repository/layout.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { DrillOutcome } from "./drill-outcome.ts";

/** The first format that keeps them. */
const FORMAT = 2;

interface StoreOptions {
  readonly toolkit?: string;
  readonly dryRun?: boolean | undefined;
  /** Only a part was read: that nothing was found in it proves nothing. */
  readonly sample?: number | undefined;
}

export class VerifyOutcomes {
  #deps: Deps;
  #started: Date;
  #snapshots = new Map<string, { readonly homeId: string | undefined; readonly findings: Finding[] }>();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#started = deps.now();
  }

  begin(id: string, homeId: string | undefined): void {
    this.#snapshots.set(id, { homeId, findings: [] });
  }

  /** Of the snapshots that a finding names; what is about the repository as a whole is none of theirs. */
  add(finding: Finding): void {
    const { snapshots = [] } = finding.evidence as { readonly snapshots?: readonly string[] };
    for (const [id, { findings }] of this.#snapshots) {
      if (finding.id?.startsWith(snapshotKey(id)) || snapshots.includes(id)) findings.push(finding);
    }
  }

  /** A repository that cannot be written to keeps none, which is worth knowing and no fault. */
  async *store(repo: Repository, { toolkit = "unknown", dryRun, sample }: StoreOptions): AsyncGenerator<Finding> {
    if (dryRun || repo.file.format < FORMAT) return;
    try {
      for (const [snapshot, { homeId, findings }] of this.#snapshots) {
        if (sample !== undefined && findings.length === 0) continue;
        const id = ulid(this.#deps.now());
        const of = { id, snapshot, toolkit, homeId, by: "verify", started: this.#started } as const;
        const outcome = new DrillOutcome(repo, of, this.#deps);
        for (const finding of findings) outcome.add(finding);
        outcome.end();
        await outcome.store();
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      const message = `the outcome could not be stored: ${error.message}`;
      yield { kind: "finding", id: repo.url, code: "OUTCOME_NOT_STORED", severity: "info", message, evidence: {} };
    }
  }
}
