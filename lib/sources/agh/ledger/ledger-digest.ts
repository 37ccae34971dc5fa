// The digest of a session's events as its ledger has them: that of events.db where the ledger holds every row exactly.
import { createHash } from "node:crypto";
import { ledgerRows } from "./ledger-rows.ts";

export interface LedgerDigest {
  readonly count: number;
  readonly sha256: string;
}

/** As `digestEvents`, over the lines of a ledger. */
export function digestLedger(path: string, sessionId: string): LedgerDigest {
  const hash = createHash("sha256");
  let count = 0;
  for (const { sequence, id, turn, type, agent, content, timestamp } of ledgerRows({ path, sessionId })) {
    const names = [id, turn, type, agent].map((text) => Buffer.from(JSON.parse(text) as string));
    const time = Buffer.from(timestamp);
    const lengths = [...names, content, time].map(({ length }) => `${length} `).join("");
    // `t`: AGH stores text.
    hash.update(`${sequence}t${lengths}`);
    for (const part of [...names, content, time]) hash.update(part);
    hash.update("\n");
    count++;
  }
  return { count, sha256: hash.digest("hex") };
}
