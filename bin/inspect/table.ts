// agh-inspect table: any table of the catalog or of a session.
import { option, optionalOperand } from "../../lib/cli/flags.ts";
import { filterOf, placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const table = verb({
  summary: "any table of the catalog or, with a selector, of sessions",
  description:
    "Without NAME it lists the tables. Columns that hold secrets are masked, BLOBs are base64, integers beyond 2^53 are strings.",
  flags: {
    name: optionalOperand("NAME", "A table; the tables are listed when none is named"),
    ...placeFlags,
    ...selectorFlags,
    order: option<string>("Sort by a column, descending with - (write --order=-COLUMN)", { hint: "COLUMN" }),
  },
  examples: [
    "agh-inspect table schema_migrations",
    "agh-inspect table token_usage --session 3c09b147 --order=-timestamp",
  ],
  prints: ["row"],
  run: async ({ values, deps }) => {
    const { listDetails } = await import("../../lib/inspect/details.ts");
    const { limit, ...sessions } = filterOf(values, deps.now());
    return listDetails(values, "row", { name: values.name, order: values.order, sessions, limit }, deps);
  },
});
