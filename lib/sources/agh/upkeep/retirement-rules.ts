// The policy that config.toml sets for sessions: keys that AGH parses and does not act on.
import type { RetirementRules } from "../../../policy/retirement.ts";
import { refusal, ToolError, usageError } from "../../../records/error.ts";
import { readConfigTable } from "../home/config.ts";

const DAY_MS = 86_400_000;

type Keys = { readonly [key: string]: unknown };

/** A config.toml that cannot be read is refused (4), a bad value is an error (2) for whoever needs the policy. */
export async function readRetirementRules(root: string): Promise<() => RetirementRules> {
  const keys = await readSessionKeys(root);
  return () => parseRules(keys);
}

/** The sooner of the two ages counts; 0 is never, as it is to AGH. */
function parseRules(keys: Keys): RetirementRules {
  const ages = [parseCount(keys, "cold_archive_days"), parseCount(keys, "hard_delete_days")].filter(
    (days) => days !== undefined && days > 0,
  );
  const bytes = parseCount(keys, "max_archive_bytes");
  return {
    ...(ages.length > 0 && { olderThan: Math.min(...(ages as number[])) * DAY_MS }),
    ...(bytes !== undefined && bytes > 0 && { maxTotal: bytes }),
  };
}

async function readSessionKeys(root: string): Promise<Keys> {
  try {
    const memory = (await readConfigTable(root))["memory"] as Keys | undefined;
    return (memory?.["session"] as Keys | undefined) ?? {};
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw refusal(
      "E_CONFIG_UNREADABLE",
      error.message,
      "fix config.toml: it holds the policy and names the ledger root",
    );
  }
}

function parseCount(keys: Keys, name: string): number | undefined {
  const value = keys[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw usageError(
    `config.toml: [memory.session] ${name} = ${JSON.stringify(value)} is not a whole number of 0 or more`,
    "fix it, or give the policy: --older-than 30d",
  );
}
