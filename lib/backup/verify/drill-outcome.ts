// What becomes of a drill, or of a deep verification, and how it is kept in the repository: also of one that could not end.
import { toToolError } from "../../files/errors.ts";
import { putDrill, type DrillFinding, type DrillResult } from "../../formats/repository/drill-result.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

interface OutcomeOf extends Pick<DrillResult, "id" | "snapshot" | "toolkit"> {
  readonly by?: DrillResult["by"];
  readonly homeId?: string | undefined;
  /** Now unless given. */
  readonly started?: Date;
}

/** Findings that are kept with the result. */
const MAX_KEPT_FINDINGS = 200;

export class DrillOutcome {
  /** How many of each thing were looked at. */
  readonly counts: { [what: string]: number } = {};
  /** How many findings are errors. */
  errors = 0;
  #repo: Repository;
  #of: OutcomeOf;
  #deps: Deps;
  #started: Date;
  #findings: DrillFinding[] = [];
  /** Whoever stops listening has not waited for the end. */
  #verdict: DrillResult["verdict"] = "not run";
  #isInterrupted = true;

  constructor(repo: Repository, of: OutcomeOf, deps: Deps) {
    this.#repo = repo;
    this.#of = of;
    this.#deps = deps;
    this.#started = of.started ?? deps.now();
  }

  add({ id, code, severity, message }: Finding): void {
    if (severity === "error") this.errors++;
    // The result is no age file: of an encrypted repository it says no more than ids and codes.
    const kept = this.#repo.envelope ? "" : message;
    if (this.#findings.length < MAX_KEPT_FINDINGS) this.#findings.push({ id, code, severity, message: kept });
  }

  end(): void {
    this.#verdict = this.errors > 0 ? "failed" : "passed";
    this.#isInterrupted = false;
  }

  /** What people can act on, and a signal, says nothing about the snapshot; a crash does. */
  interrupt(error: unknown): void {
    const known = this.#deps.signal.aborted ? undefined : toToolError(error);
    const [code, severity] =
      known === undefined
        ? ["INTERRUPTED", "info"]
        : known instanceof ToolError
          ? [known.code.slice(2), "info"]
          : ["DRILL_CRASHED", "error"];
    const message = known === undefined ? "a signal ended it" : known instanceof Error ? known.message : String(known);
    this.add({ kind: "finding", code, severity: severity as Finding["severity"], message, evidence: {} });
    if (code === "DRILL_CRASHED") this.#verdict = "failed";
  }

  /** Of one that was interrupted where the repository can still be written. */
  async store(): Promise<void> {
    try {
      await putDrill(this.#repo, this.result());
    } catch (error) {
      // What has interrupted it is the error that counts.
      if (!this.#isInterrupted || !(toToolError(error) instanceof ToolError)) throw error;
    }
  }

  result(): DrillResult {
    const { id, snapshot, toolkit, by, homeId = null } = this.#of;
    return {
      format: this.#repo.file.format,
      id,
      snapshot,
      home_id: homeId,
      toolkit,
      started_at: this.#started.toISOString(),
      finished_at: this.#deps.now().toISOString(),
      verdict: this.#verdict,
      ...(by && { by }),
      counts: this.counts,
      findings: this.#findings,
    };
  }
}
