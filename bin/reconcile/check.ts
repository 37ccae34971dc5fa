// agh-reconcile check: the catalog against what is on disk.
import { choice, repeated } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const findingFlags = {
  code: repeated("Only findings of this code", { hint: "CODE" }),
  session: repeated("Only this session: full id, or a unique prefix", { hint: "ID" }),
  level: choice("quick opens no events.db; full reads every database once; deep checks indexes and references too", [
    "quick",
    "full",
    "deep",
  ]),
};

export const check = verb({
  summary: "one finding for each thing that is wrong, or worth knowing",
  description:
    "Catalog rows, meta.json, events.db, ledgers and archives against each other, and each against what AGH accepts. Severity: error (something is lost, or AGH will not start), warn (look at it), info (AGH itself repairs it, or it is as it should be). Nothing in the home is touched. Exit 1 when a finding is of --fail-on or above. docs/findings.md lists them all.",
  flags: {
    ...placeFlags,
    ...findingFlags,
    failOn: choice("Exit 1 from this severity on; warn unless given", ["info", "warn", "error", "never"]),
  },
  examples: [
    "agh-reconcile check",
    "agh-reconcile check --level quick --fail-on error",
    "agh-reconcile check --home backup:/backup@latest --json | jq -r 'select(.severity == \"error\").message'",
  ],
  prints: ["finding", "summary"],
  run: async ({ values, deps }) => {
    const { checkHome } = await import("../../lib/reconcile/check.ts");
    const { findCodes } = await import("../../lib/reconcile/rules.ts");
    const { code, session, level = "full", failOn = "warn" } = values;
    return checkHome({ place: values, codes: await findCodes(code), sessions: session, level, failOn }, deps);
  },
});
