// What retires sessions: flags, else the keys that config.toml sets, else a selection. None is an error.
import { readConfigTable } from "../../sources/agh/home/config.ts";
import { ToolError, refusal, usageError } from "../../records/error.ts";
import type { Floors, RetirementRules } from "../../policy/retirement.ts";

const DAY_MS = 86_400_000;

export interface RetirementPolicyOptions {
  readonly rules: RetirementRules;
  readonly floors: Floors;
  /** Ids that were selected; then the keys of config.toml are not consulted. */
  readonly selected: ReadonlySet<string> | undefined;
}

/**
 * Flags go before keys: where one of them is given, or sessions are selected, the keys are not consulted. A config.toml
 * that cannot be read is refused (4) in any case: it says where ledgers lie. No policy at all → 2.
 */
export async function loadPolicy(
  root: string,
  { rules, floors, selected }: RetirementPolicyOptions,
): Promise<RetirementRules & Floors> {
  const keys = await readSessionKeys(root);
  if (selected !== undefined || isSet(rules)) return { ...rules, ...floors };
  const own = parseRules(keys);
  if (isSet(own)) return { ...own, ...floors };
  throw usageError(
    "no policy says which sessions to retire",
    "--older-than 30d, --max-total 5G or --max-sessions N; or [memory.session] cold_archive_days in config.toml; or select some: agh-inspect sessions … | agh-vacuum sessions -",
  );
}

const isSet = (rules: RetirementRules): boolean => Object.values(rules).some((value) => value !== undefined);

type Keys = { readonly [key: string]: unknown };

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

function parseCount(keys: Keys, name: string): number | undefined {
  const value = keys[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw usageError(
    `config.toml: [memory.session] ${name} = ${JSON.stringify(value)} is not a whole number of 0 or more`,
    "fix it, or give the policy: --older-than 30d",
  );
}
