// Flags of the verbs that take something out of a repository.
import { option } from "../../lib/cli/flags.ts";
import { duration } from "../../lib/policy/instant.ts";

export const pruneFlags = {
  grace: option("How long garbage is kept before it is deleted; 24h", { hint: "24h", convert: duration }),
  lockTimeout: option("How long to wait for another prune; 10s", { hint: "10s", convert: duration }),
};

export const GRACE_MS = 24 * 3_600_000;
export const LOCK_TIMEOUT_MS = 10_000;
