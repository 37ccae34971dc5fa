// What a function of the library that acts or checks has done: its records, as the command of the same name prints them.
import { severest, ToolError, type Exit } from "../records/error.ts";
import type { AnyRecord, Item } from "../records/record.ts";
import { records } from "../records/record.ts";
import type { Summary } from "../records/result-kinds.ts";
import { beginCall, type LibraryOptions } from "./options.ts";
import type { Deps } from "../records/deps.ts";

export interface Outcome<R extends AnyRecord = AnyRecord> {
  /** In the order in which things were done. */
  readonly records: readonly R[];
  readonly summary: Summary;
  /** What could not be read or was skipped. */
  readonly problems: readonly ToolError[];
  /** The command's exit code: 0 where all is well. */
  readonly exit: Exit;
}

/** Not everything was done: `outcome` says what was. */
export class IncompleteError extends ToolError {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    const { records, problems, summary, exit } = outcome;
    const [problem] = problems;
    super({
      code: "E_INCOMPLETE",
      message:
        problem?.message ?? `${summary.tool}: ${summary.failed} of ${summary.items} failed${firstReason(records)}`,
      hint: problem?.hint,
      exit,
      cause: problems,
    });
    this.outcome = outcome;
  }
}

function firstReason(records: readonly AnyRecord[]): string {
  const reason = records
    .map(({ kind, message, error, reason, state }) =>
      kind === "finding" ? message : kind === "action" && state !== "done" ? (error ?? reason) : undefined,
    )
    .find((text) => typeof text === "string");
  return reason === undefined ? "" : `: ${String(reason)}`;
}

type Work = (deps: Deps) => AsyncIterable<Item> | Promise<AsyncIterable<Item>>;

/** Does what acts. Rejected where the command would exit with another code than 0. */
export async function act<R extends AnyRecord>(work: Work, ...layers: readonly LibraryOptions[]): Promise<Outcome<R>> {
  const outcome = await check<R>(work, ...layers);
  if (outcome.exit !== 0) throw new IncompleteError(outcome);
  return outcome;
}

/** Does what only looks: what it finds is no error. */
export async function check<R extends AnyRecord>(
  work: Work,
  ...layers: readonly LibraryOptions[]
): Promise<Outcome<R>> {
  const { deps, problems } = beginCall(...layers);
  const found: R[] = [];
  let summary: Summary | undefined;
  for await (const record of records(await work(deps))) {
    if (record.kind === "summary") summary = record as unknown as Summary;
    else found.push(record as R);
  }
  if (!summary) throw new Error("a verb ended without its summary");
  const exit = severest(summary.exit as Exit, ...problems.map((problem) => problem.exit));
  return { records: found, summary, problems, exit };
}

/** The records of one kind. */
export const recordsOf = <R extends AnyRecord, K extends R["kind"]>(
  { records }: Outcome<R>,
  kind: K,
): Extract<R, { readonly kind: K }>[] => records.filter((record) => record.kind === kind) as Extract<R, { kind: K }>[];
