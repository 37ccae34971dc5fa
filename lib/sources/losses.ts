// Why something that an earlier snapshot of a home holds may be missing today without being lost.

/** Of one home as it is now, or as it was restored. Each answer is a reason in words, undefined where nothing explains the loss. */
export interface LossExplainer {
  /** A session that is not there any more, neither its directory nor its rows, or only its rows. */
  session(id: string): string | undefined;
  /** A session that has fewer events than it had: rows that left it, or a last sequence that went back. */
  events(id: string): string | undefined;
  /** A ledger that is not there any more. */
  ledger(id: string): string | undefined;
}
