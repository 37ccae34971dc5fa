// The findings of both kinds of homes, files and rows.
import type { FindingRules } from "../../../lib/index.ts";

export const VERBS = ["cut-line", "end-talk"] as const;

export const RULES: FindingRules = new Map([
  [
    "TALK_DAMAGED",
    {
      severity: "error",
      verdict: "damaged",
      arises: "a line that is not JSON",
      action: [],
      loses: "restore it",
      level: "quick",
    },
  ],
  [
    "TALK_TORN",
    {
      severity: "warn",
      verdict: "torn",
      arises: "its writer was killed in the middle of a line",
      action: ["cut-line"],
      loses: "half a line",
      level: "quick",
    },
  ],
  [
    "TALK_OPEN",
    {
      severity: "warn",
      verdict: "open",
      arises: "its writer was killed",
      action: ["end-talk"],
      loses: "nothing",
      level: "quick",
    },
  ],
]);
