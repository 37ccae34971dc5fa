// What every verb of agh-vacuum that changes something takes.
import { option, toggle } from "../../lib/cli/flags.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";

export const lockFlag = {
  lockTimeout: option("How long to wait for another run of agh-toolkit", { hint: "10s", convert: parseDuration }),
};

export const applyFlags = {
  apply: toggle("Perform the plan; otherwise it is printed and nothing is changed"),
  ...lockFlag,
};

export const LOCK_TIMEOUT_MS = 10_000;
