// What is wrong with one session's ledger, as a finding; the others go on.
import type { Finding } from "../records/result-kinds.ts";
import { ToolError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";

interface FindingDetails {
  readonly code: string;
  readonly severity?: Finding["severity"];
  readonly message: string;
  readonly evidence?: object;
}

export function findingOf({ runtime, place }: Home, id: string, details: FindingDetails): Finding {
  const { code, severity = "warn", message, evidence = {} } = details;
  return { kind: "finding", runtime, home: place, id, code, severity, message, evidence };
}

/** What `work` makes of one session, or why it could not. */
export async function orFinding<T>(home: Home, id: string, work: () => T | Promise<T>): Promise<T | Finding> {
  try {
    return await work();
  } catch (error) {
    return findingFromError(home, id, error);
  }
}

/** An error about one session; a bug, and what stops the whole command, is thrown on. */
export function findingFromError(home: Home, id: string, error: unknown): Finding {
  if (!(error instanceof ToolError)) throw error;
  const evidence = error.hint === undefined ? {} : { hint: error.hint };
  return findingOf(home, id, { code: error.code.slice(2), severity: "error", message: error.message, evidence });
}
