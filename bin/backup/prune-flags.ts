// Flags of the verbs that take something out of a repository.
import { option } from "../../lib/cli/flags.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { usageError } from "../../lib/records/error.ts";

export const pruneFlags = {
  grace: option("How long garbage is kept before it is deleted, an hour at least; 24h", {
    hint: "24h",
    convert: grace,
  }),
  lockTimeout: option("How long to wait for another prune; 10s", { hint: "10s", convert: parseDuration }),
};

const HOUR_MS = 3_600_000;
export const GRACE_MS = 24 * HOUR_MS;
export const LOCK_TIMEOUT_MS = 10_000;

/** Between a create's last look at the marks and its manifest lie seconds, and between two clocks some minutes. */
function grace(text: string): number {
  const ms = parseDuration(text);
  if (ms >= HOUR_MS) return ms;
  const hint = "use --grace 1h, and prune again after it: a create that is running may still need what is garbage now";
  throw usageError(`a grace time of ${text} is too short`, hint);
}
