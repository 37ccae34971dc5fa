// agh-vacuum trash: what was put away, back or gone for good.
import { operands, option, optionalOperand, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { usageError } from "../../lib/records/error.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";

const flags = {
  what: optionalOperand("list|restore|empty", "What to do; list unless given"),
  ids: operands(
    "ID",
    "With restore: sessions, by id or unique prefix; - reads ids, trash, session or tombstone records from stdin",
  ),
  all: toggle("With restore: every session in it"),
  verify: toggle("With list: read every byte, and say what was touched"),
  olderThan: option("With empty: only what was put there longer ago; then also what runs have kept for undo", {
    hint: "30d",
    convert: duration,
  }),
  ...placeFlags,
  ...applyFlags,
};

type Values = Call<typeof flags>["values"];

export const trash = verb({
  summary: "what was put away: list it, restore sessions, or empty it",
  description:
    "Sessions that were retired without being archived or backed up lie here, and what other commands have replaced. restore holds every byte against the list that was sealed when it was put there, refuses what was touched or is in the way (4), and takes AGH's own lock. empty prints its plan, and with --apply does it: it needs no free space, and the daemon may run. What agh-reconcile undo needs is kept unless --older-than says how long.",
  flags,
  examples: [
    "agh-vacuum trash list",
    "agh-vacuum trash restore 3c09b147",
    "agh-vacuum trash empty --older-than 30d --apply",
  ],
  prints: ["trash", "session", "action", "summary"],
  run: async ({ values, deps, input }) => {
    const { what = "list", verify, olderThan, apply, dryRun, lockTimeout: lockTimeoutMs = LOCK_TIMEOUT_MS } = values;
    check(what, values);
    if (what === "restore") {
      const { records, ids } = await input.selection(values.ids, ["trash", "session", "tombstone"]);
      const { restoreTrash } = await import("../../lib/vacuum/trash-restore.ts");
      const named = [...ids, ...records.map(({ session_id, id }) => String(session_id ?? id))];
      return restoreTrash({ place: values, ids: named, all: values.all, dryRun, lockTimeoutMs }, deps);
    }
    const { emptyTrash, listTrash } = await import("../../lib/vacuum/trash-verbs.ts");
    if (what === "list") return listTrash(values, verify, deps);
    return emptyTrash({ place: values, olderThan, toolkit: version, apply: apply && !dryRun, lockTimeoutMs }, deps);
  },
});

/** Each word takes its own flags. */
function check(what: string, { ids, all, verify, olderThan, apply }: Values): void {
  if (!["list", "restore", "empty"].includes(what)) {
    throw usageError(`trash cannot '${what}'`, "agh-vacuum trash list|restore|empty");
  }
  const surplus =
    what !== "restore" && ids.length > 0
      ? ids[0]
      : what !== "restore" && all
        ? "--all"
        : what !== "list" && verify
          ? "--verify"
          : what !== "empty" && olderThan !== undefined
            ? "--older-than"
            : what === "list" && apply
              ? "--apply"
              : undefined;
  if (surplus !== undefined) throw usageError(`trash ${what} takes no ${surplus}`);
  if (what === "restore" && ids.length === 0 && !all)
    throw usageError("which sessions?", "name sessions, or say --all");
}
