// What usage can be grouped by.
import { usageError } from "../records/error.ts";

const USAGE_KEYS = ["day", "workspace", "session", "turn", "agent", "provider", "model"] as const;
export type UsageKey = (typeof USAGE_KEYS)[number];

/** A key as `--by` takes it. */
export function parseUsageKey(text: string): UsageKey {
  const key = USAGE_KEYS.find((name) => name === text);
  if (!key) throw usageError(`usage cannot be grouped by '${text}'`, `one of ${USAGE_KEYS.join(", ")}`);
  return key;
}
