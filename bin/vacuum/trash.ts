// agh-vacuum trash: what was put away, back or gone for good.
import { operands, option, optionalOperand, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { readHomeOperands } from "../../lib/cli/session-operands.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { usageError } from "../../lib/records/error.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";

const flags = {
  what: optionalOperand("list|restore|empty", "What to do; list unless given"),
  ids: operands(
    "ID",
    "With restore: sessions, by id or unique prefix; - reads ids, trash, session or tombstone records from stdin",
  ),
  all: toggle("With restore: every session in the trash"),
  verify: toggle("With list: read every byte, and report what was modified"),
  olderThan: option("With empty: only what was moved there longer ago, and also the files that runs keep for undo", {
    hint: "30d",
    convert: parseDuration,
  }),
  ...placeFlags,
  ...applyFlags,
};

type Values = Call<typeof flags>["values"];

export const trash = verb({
  summary: "list the trash, restore sessions from it, or empty it",
  description:
    "The trash holds sessions that were retired without being archived or backed up, and files that other commands replaced. restore compares every byte with the list that was sealed when the session was moved there, refuses what was modified or is in the way (exit 4), and takes AGH's own lock. empty prints its plan, and with --apply performs it: it needs no free space, and the daemon may run. Runs that agh-reconcile undo needs are kept unless --older-than gives an age.",
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
      const { place, selected = [] } = await readHomeOperands(values, input, ["trash", "session", "tombstone"]);
      const { restoreTrash } = await import("../../lib/vacuum/trash/restore-trash.ts");
      return restoreTrash({ place, ids: [...selected], all: values.all, dryRun, lockTimeoutMs }, deps);
    }
    const { emptyTrash, listTrash } = await import("../../lib/vacuum/trash/trash-verbs.ts");
    if (what === "list") return listTrash(values, verify, deps);
    return emptyTrash({ place: values, olderThan, toolkit: version, apply: apply && !dryRun, lockTimeoutMs }, deps);
  },
});

/** Each word takes its own flags. */
function check(what: string, { ids, all, verify, olderThan, apply }: Values): void {
  if (!["list", "restore", "empty"].includes(what)) {
    throw usageError(`'${what}' is not an action of trash`, "agh-vacuum trash list|restore|empty");
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
  if (surplus !== undefined) throw usageError(`trash ${what} does not take ${surplus}`);
  if (what === "restore" && ids.length === 0 && !all)
    throw usageError("no sessions are selected", "name sessions, or pass --all");
}
