// The keys of AGH's config.toml that decide where things lie and how long they stay; AGH's defaults for the rest.
import { isAbsolute } from "node:path";
import { readRegularText } from "../../../files/link-target.ts";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { Home } from "../../source.ts";
import { configFile, outsideDir, sessionsDir } from "./layout.ts";

export interface Config {
  /** Set when config.toml cannot be read or parsed: then paths are AGH's defaults and must count as unknown. */
  readonly problem?: ToolError;
  readonly socket: string;
  readonly http: { readonly host: string; readonly port: number };
  /** `[memory].global_dir`. */
  readonly memoryDir: string;
  readonly ledgerRoot: string;
  /** The ledger directory of sessions without a workspace. */
  readonly unbound: string;
  /** `[memory.session]`, as written: a Go duration, days and bytes. */
  readonly retention: {
    readonly eventsPurgeGrace: string;
    readonly coldArchiveDays: number;
    readonly hardDeleteDays: number;
    readonly maxArchiveBytes: number;
    /** Keys that config.toml sets itself. */
    readonly set: ReadonlySet<string>;
  };
}

/** Reads leniently: unknown keys and values of a wrong type are left alone. */
export async function readConfig(root: string, deps: Pick<Deps, "env">): Promise<Config> {
  try {
    const text = configText(root);
    return settings(root, text === "" ? {} : await parseToml(text), deps);
  } catch (cause) {
    return { ...settings(root, {}, deps), problem: unreadable(root, cause) };
  }
}

/** As `readConfig`, without the parser where no word in the text can set where ledgers lie. */
export async function readLedgerPlace(
  root: string,
  deps: Pick<Deps, "env">,
): Promise<Pick<Config, "ledgerRoot" | "unbound" | "problem">> {
  try {
    // A key may be written with escapes, so any \u sends it to the parser.
    if (!/ledger_root|unbound_partition|\\[uUx]/.test(configText(root))) return settings(root, {}, deps);
  } catch {
    // read again below, where the error is reported
  }
  return readConfig(root, deps);
}

/** A private copy keeps what lay outside its home in a place of its own, as restored homes do. */
export function ledgerRootHere({ root, live }: Home, ledgerRoot: string): string {
  return live || ledgerRoot.startsWith(`${root}/`) ? ledgerRoot : outsideDir(root, "ledgers");
}

/** All of config.toml; {} where there is none. Throws E_CONFIG_UNREADABLE. */
export async function readConfigTable(root: string): Promise<Table> {
  try {
    const text = configText(root);
    return text === "" ? {} : await parseToml(text);
  } catch (cause) {
    throw unreadable(root, cause);
  }
}

function configText(root: string): string {
  try {
    return readRegularText(configFile(root));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

type Table = { readonly [key: string]: unknown };

async function parseToml(text: string): Promise<Table> {
  const { parse } = await import("smol-toml");
  return parse(text) as Table;
}

function settings(root: string, toml: Table, { env }: Pick<Deps, "env">): Config {
  const memory = tableOf(toml["memory"]);
  const session = tableOf(memory["session"]);
  const http = tableOf(toml["http"]);
  const place = (value: unknown, fallback: string): string => expand(textOf(value, fallback), root, env["HOME"]);
  return {
    socket: place(tableOf(toml["daemon"])["socket"], joinPath(root, "daemon.sock")),
    http: { host: textOf(http["host"], "localhost"), port: numberOf(http["port"], 2123) },
    memoryDir: place(memory["global_dir"], joinPath(root, "memory")),
    ledgerRoot: place(session["ledger_root"], sessionsDir(root)),
    unbound: textOf(session["unbound_partition"], "_unbound"),
    retention: {
      eventsPurgeGrace: textOf(session["events_purge_grace"], "24h"),
      coldArchiveDays: numberOf(session["cold_archive_days"], 30),
      hardDeleteDays: numberOf(session["hard_delete_days"], 0),
      maxArchiveBytes: numberOf(session["max_archive_bytes"], 10 * 2 ** 30),
      set: new Set(Object.keys(session)),
    },
  };
}

/** `~` is the operator's home, as AGH expands it; a relative path is taken from the AGH home. */
function expand(path: string, root: string, home: string | undefined): string {
  const expanded = home && /^~(?:\/|$)/.test(path) ? home + path.slice(1) : path;
  return isAbsolute(expanded) ? expanded : joinPath(root, expanded);
}

const tableOf = (value: unknown): Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
const textOf = (value: unknown, fallback: string): string =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : fallback;
const numberOf = (value: unknown, fallback: number): number => (typeof value === "number" ? value : fallback);

function unreadable(root: string, cause: unknown): ToolError {
  const [reason] = String((cause as Error).message).split("\n");
  return new ToolError({
    code: "E_CONFIG_UNREADABLE",
    message: `${configFile(root)} cannot be read: ${reason}; AGH does not start with it`,
    hint: "correct the file; until then AGH's default paths are assumed",
    exit: EXIT.partial,
    cause,
  });
}
