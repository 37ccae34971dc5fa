// What retires sessions: flags, else the keys that config.toml sets, else a selection. None is an error.
import { configTable } from "../sources/agh/config.ts";
import { ToolError, refusal, usageError } from "../records/error.ts";
import type { Floors, Rules } from "../policy/retirement.ts";

const DAY_MS = 86_400_000;

export interface Asked {
  readonly rules: Rules;
  readonly floors: Floors;
  /** Ids that were selected; then the keys of config.toml are not consulted. */
  readonly selected: ReadonlySet<string> | undefined;
}

/**
 * Flags go before keys: where one of them is given, or sessions are selected, the keys are not consulted. A config.toml
 * that cannot be read is refused (4) in any case: it says where ledgers lie. No policy at all → 2.
 */
export async function policyFor(root: string, { rules, floors, selected }: Asked): Promise<Rules & Floors> {
  const keys = await sessionKeys(root);
  if (selected !== undefined || isSet(rules)) return { ...rules, ...floors };
  const own = rulesIn(keys);
  if (isSet(own)) return { ...own, ...floors };
  throw usageError(
    "no policy says which sessions to retire",
    "--older-than 30d, --max-total 5G or --max-sessions N; or [memory.session] cold_archive_days in config.toml; or select some: agh-inspect sessions … | agh-vacuum sessions -",
  );
}

const isSet = (rules: Rules): boolean => Object.values(rules).some((value) => value !== undefined);

type Keys = { readonly [key: string]: unknown };

async function sessionKeys(root: string): Promise<Keys> {
  try {
    const memory = (await configTable(root))["memory"] as Keys | undefined;
    return (memory?.["session"] as Keys | undefined) ?? {};
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw refusal(
      "E_CONFIG_UNREADABLE",
      error.message,
      "mend config.toml: it holds the policy, and says where ledgers lie",
    );
  }
}

/** The sooner of the two ages counts; 0 is never, as it is to AGH. */
function rulesIn(keys: Keys): Rules {
  const ages = [countIn(keys, "cold_archive_days"), countIn(keys, "hard_delete_days")].filter(
    (days) => days !== undefined && days > 0,
  );
  const bytes = countIn(keys, "max_archive_bytes");
  return {
    ...(ages.length > 0 && { olderThan: Math.min(...(ages as number[])) * DAY_MS }),
    ...(bytes !== undefined && bytes > 0 && { maxTotal: bytes }),
  };
}

function countIn(keys: Keys, name: string): number | undefined {
  const value = keys[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw usageError(
    `config.toml: [memory.session] ${name} = ${JSON.stringify(value)} is no whole number from 0 upwards`,
    "mend it, or name the policy: --older-than 30d",
  );
}
