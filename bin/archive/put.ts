// agh-archive put: archives stopped sessions.
import { option } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verb } from "../../lib/cli/verb.ts";
import { selected, selectedFlags } from "./selected.ts";

export const put = verb({
  summary: "archive stopped sessions; nothing is removed",
  description:
    "One archive each: a tar.zst with events.db as it lies, meta.json, ledger and seal, crash bundles and the session's catalog rows, and a receipt beside it. Each is read back from where it was put and compared event by event before its receipt is written. What was archived already is left as it is; sessions that run, start or are locked are skipped (3). Removing is agh-vacuum's.",
  flags: {
    ...selectedFlags,
    to: option<string>("Where to: a directory or s3://BUCKET/PREFIX; session-archive in the home unless given", {
      hint: "TARGET",
    }),
  },
  examples: [
    "agh-archive put --older-than 30d --to s3://archive/agh",
    "agh-inspect sessions --state stopped --older-than 30d --json | agh-archive put - --to /mnt/archive | agh-archive verify -",
    "agh-archive put sess-3c09b14728b4d2a8",
  ],
  prints: ["archive", "action", "summary"],
  run: async ({ values, deps, input }) => {
    const from = await selected(values, deps, input);
    const { putSessions } = await import("../../lib/archive/put.ts");
    return putSessions({ from, to: values.to, toolkit: version, dryRun: values.dryRun }, deps);
  },
});
