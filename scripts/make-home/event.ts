// What one event of a session is, and what else it leaves in the databases.
import type { Instant } from "./time.ts";

export interface MadeEvent {
  readonly id: string;
  readonly sequence: number;
  readonly turn: string;
  readonly type: string;
  readonly content: string;
  readonly at: Instant;
  /** The same instant with nine digits. */
  readonly timestamp: string;
  /** What event_summaries shows, JSON-escaped. */
  readonly summary: string;
  readonly usage?: MadeUsage;
  readonly permission?: { readonly resource: string; readonly decision: string };
  readonly hook?: { readonly event: string; readonly name: string };
}

/** Totals are null where only the running context was reported. */
export interface MadeUsage {
  readonly input: number | null;
  readonly output: number | null;
  readonly total: number | null;
  readonly thought: number | null;
  readonly used: number;
  readonly cost: number;
}
