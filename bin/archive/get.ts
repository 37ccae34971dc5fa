// agh-archive get: brings archived sessions back.
import { option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { allFlag, filterIn, meant, meantFlags, receiptSelectors } from "./meant.ts";

const { ids, from } = meantFlags;

export const get = verb({
  summary: "bring archived sessions back into their home, or another",
  description:
    "Directory, ledger, crash bundles and catalog rows come in one step, which a killed run leaves for the next to end; a tombstone goes. Whatever would be overwritten refuses the whole, and so do a running daemon and a catalog of another schema. A home must be named when the session comes from another one.",
  flags: {
    ids,
    from,
    ...allFlag,
    ...receiptSelectors,
    to: option<string>("The home; else AGH_HOME, else ~/.agh", { hint: "DIR" }),
    lockTimeout: option("How long to wait for another run of ours", { hint: "10s", convert: duration }),
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
    const chosen = await meant({ ...values, home: to, filter: filterIn(values, deps) }, deps.env, input);
    return getSessions(
      { from: chosen, to: { home: to, runtime: undefined }, lockTimeoutMs: lockTimeout, dryRun },
      deps,
    );
  },
});
