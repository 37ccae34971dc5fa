// How long AGH promises to keep the events of a stopped session in its events.db: a key that it parses and does not act on.
import { refusal, ToolError, usageError } from "../../../records/error.ts";
import { readConfigTable } from "../home/config.ts";

const DEFAULT_MS = 24 * 3_600_000;
const UNITS: { readonly [unit: string]: number } = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 3.6e6 };
type Table = { readonly [key: string]: unknown };

/**
 * Milliseconds of `[memory.session] events_purge_grace`, 24 h where config.toml does not set it. A config.toml that
 * cannot be read is refused (4), a value that AGH would not take is an error (2): neither falls back to the default.
 */
export async function purgeGrace(root: string): Promise<number> {
  let memory: Table | undefined;
  try {
    memory = (await readConfigTable(root))["memory"] as Table | undefined;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw refusal(
      "E_CONFIG_UNREADABLE",
      error.message,
      "fix config.toml: it sets where ledgers are kept and how long rows stay",
    );
  }
  const value = (memory?.["session"] as Table | undefined)?.["events_purge_grace"];
  if (value === undefined) return DEFAULT_MS;
  const ms = typeof value === "string" ? goDuration(value.trim()) : undefined;
  if (ms !== undefined && ms > 0) return ms;
  throw usageError(
    `config.toml: [memory.session] events_purge_grace = ${JSON.stringify(value)} is not a duration greater than 0`,
    'write it as "24h" or "90m"; AGH does not start with this value',
  );
}

/** As Go's time.ParseDuration; undefined for what it would refuse. */
function goDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text.replace(/^\+/, "")) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!.replace("μ", "µ")]!, 0);
}
