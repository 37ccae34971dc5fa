// agh-reconcile salvage: rows out of a broken database.
import { choice, operand, option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";

export const salvage = verb({
  summary: "rows out of a broken database, into a fresh sound one of the same schema",
  description:
    "DB (with its WAL) is copied first and not touched. Pages are read through their B-trees where these are intact, and one by one where they are not. Whole rows go into the new database, whose indexes and full-text tables are rebuilt; --as jsonl prints the rows of every state instead: whole, partial (some of it is lost or doubtful), maybe_deleted (from freed pages), duplicate. Exit 1 when something that should be there is missing, 6 when nothing can be read.",
  flags: {
    db: operand("DB", "The broken file: an events.db, agh.db, sessions.db or storage.db, also under another name"),
    out: option<string>("The new database, which must not exist", { hint: "NEW" }),
    as: choice("db makes a database, jsonl prints rows", ["db", "jsonl"]),
  },
  examples: [
    "agh-reconcile salvage ~/.agh/agh.db.corrupt.20261121T082209.839678859Z --out /tmp/agh.db",
    "agh-reconcile salvage events.db --as jsonl | jq -c 'select(.state == \"partial\")'",
  ],
  prints: ["salvage", "row", "finding", "summary"],
  run: async ({ values, deps }) => {
    const asRows = values.as === "jsonl";
    if (asRows && values.out !== undefined) throw usageError("--as jsonl prints rows: it takes no --out");
    if (!asRows && values.out === undefined)
      throw usageError("salvage needs --out or --as jsonl", "agh-reconcile salvage DB --out NEW");
    const { salvageFile } = await import("../../lib/reconcile/salvage.ts");
    return salvageFile({ file: values.db, out: values.out }, deps);
  },
});
