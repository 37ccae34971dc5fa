// What every verb of agh-vacuum that changes something takes.
import { option, toggle } from "../../lib/cli/flags.ts";
import { duration } from "../../lib/policy/instant.ts";

export const lockFlag = {
  lockTimeout: option("How long to wait for another run of ours", { hint: "10s", convert: duration }),
};

export const applyFlags = { apply: toggle("Do it; without, the plan is printed and nothing done"), ...lockFlag };

export const LOCK_TIMEOUT_MS = 10_000;
