// agh-archive get: brings archived sessions back.
import { option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import {
  allFlag,
  parseReceiptFilter,
  readArchiveSelections,
  archiveFlags,
  receiptSelectors,
} from "./archive-selection.ts";

const { ids, from } = archiveFlags;

export const get = verb({
  summary: "bring archived sessions back into their home, or another",
  description:
    "The directory, ledger, crash bundles and catalog rows are restored in one journaled step; if that run is killed, the next one completes it. The tombstone is removed. Nothing is restored (exit 4) when anything would be overwritten, when the daemon is running, or when the catalog has another schema. The home must be named with --to when the session comes from another one.",
  flags: {
    ids,
    from,
    ...allFlag,
    ...receiptSelectors,
    to: option<string>("Home directory; AGH_HOME, else ~/.agh unless given", { hint: "DIR" }),
    lockTimeout: option("How long to wait for another run of agh-toolkit", { hint: "10s", convert: parseDuration }),
  },
  examples: [
    "agh-archive get 3c09b147",
    "agh-archive get 3c09b147 --from s3://archive/agh --to /srv/agh/.agh",
    "agh-archive list | agh-archive get -",
    "agh-archive get --workspace ws_0540fa19f9548705 --since 2026-10-01T00:00:00Z",
  ],
  prints: ["session", "action", "summary"],
  run: async ({ values, deps, input }) => {
    const { to, dryRun, lockTimeout = 10_000 } = values;
    const { getSessions } = await import("../../lib/archive/get.ts");
    const chosen = await readArchiveSelections(
      { ...values, home: to, filter: parseReceiptFilter(values, deps) },
      deps,
      input,
    );
    return getSessions(
      { from: chosen, to: { home: to, runtime: undefined }, lockTimeoutMs: lockTimeout, dryRun },
      deps,
    );
  },
});
