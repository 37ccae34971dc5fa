// agh-archive put: archives stopped sessions.
import { option } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verb } from "../../lib/cli/verb.ts";
import { archivedSessionFlags, readHomeSelections } from "./archive-selection.ts";

export const put = verb({
  summary: "archive stopped sessions; nothing is removed",
  description:
    "Each session becomes one archive: a tar.zst with events.db as it is, meta.json, ledger and seal, crash bundles and the session's catalog rows, and a receipt beside it. Each archive is read back from the target and compared event by event before its receipt is written. Of an agent's own files in a session (provider-runtime) only transcripts (*.jsonl) are archived, never its settings and keys; the receipt lists what was left out. Sessions that are archived already stay as they are; a ledger or a seal that came later is added beside the archive (NAME.ledger.zst, NAME.seal), and an archive that is lost or cut is written again. Other changes, and sessions that are running, starting or locked, are skipped (exit 3). Nothing in the target is overwritten but a receipt by one that names more. agh-vacuum removes sessions.",
  flags: {
    ...archivedSessionFlags,
    to: option<string>("Target: a directory or s3://BUCKET/PREFIX; session-archive in the home unless given", {
      hint: "TARGET",
    }),
  },
  examples: [
    "agh-archive put --older-than 30d --to s3://archive/agh",
    "agh-inspect sessions --state stopped --older-than 30d --json | agh-archive put - --to /mnt/archive | agh-archive verify -",
    "agh-archive put sess-3c09b14728b4d2a8",
  ],
  prints: ["archive", "action", "summary"],
  run: async (call) => {
    const { values, deps } = call;
    const from = await readHomeSelections(call);
    const { putSessions } = await import("../../lib/archive/put.ts");
    return putSessions({ from, to: values.to, toolkit: version, dryRun: values.dryRun }, deps);
  },
});
