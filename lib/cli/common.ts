// The flags that every verb of every tool takes.
import { parseInstant } from "../policy/parse-quantities.ts";
import { choice, option, toggle } from "./flags.ts";

export const FORMATS = ["table", "json", "csv", "ids"] as const;

export const commonFlags = {
  format: choice("How to print: a table on a terminal, JSON Lines in a pipe", FORMATS),
  json: toggle("Same as --format json"),
  fields: option("Only these keys, in this order", { hint: "a,b,c" }),
  dryRun: toggle("Show what would be done without doing it; overrides --apply", false, "n"),
  now: option("Use this as the current time", { hint: "RFC3339", convert: parseInstant }),
  progress: choice("Progress on stderr; auto shows it on a terminal", ["auto", "none", "json"]),
  color: toggle("Colour where the stream is a terminal; off with NO_COLOR or TERM=dumb", true),
  quiet: toggle("Errors only", false, "q"),
  verbose: toggle("Print more, with stack traces of bugs", false, "v"),
};
