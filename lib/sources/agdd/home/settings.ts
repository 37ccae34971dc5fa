// What AGDD and MAGSAG would take from the environment and from `.env`, by their precedence.
import { readRegularText } from "../../../files/link-target.ts";
import { joinPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import { parseDotenv } from "./dotenv.ts";

/** AGDD became MAGSAG: the same storage under other names. */
export type Brand = "agdd" | "magsag";

interface SettingValue {
  readonly value: string;
  /** `AGDD_STORAGE_HOT_DAYS in .env, line 3`, or `… in the environment`. */
  readonly where: string;
}

/** A value that AGDD refuses to start with; who needs it refuses too. */
export interface BadSetting {
  readonly name: string;
  readonly message: string;
}

export interface Settings {
  readonly backend: string;
  /** As it is written: relative to the project directory. */
  readonly dbPath: string | undefined;
  readonly enableFts: boolean;
  /** AGDD reads neither of these three; they are a policy that somebody wrote down. */
  readonly hotDays: number | undefined;
  readonly archiveEnabled: boolean;
  readonly archiveDestination: string | undefined;
  readonly bad: readonly BadSetting[];
}

export const ENV_FILE = ".env";

type Env = { readonly [name: string]: string | undefined };

/** The settings of a project; without `live` its files are a copy, to which this machine's environment says nothing. */
export function readSettings(
  root: string,
  brand: Brand,
  { env, live }: { readonly env: Env; readonly live: boolean },
): Settings {
  return settingsOf(brand, [...fromFile(root, live ? env : {}), ...(live ? fromEnvironment(env) : [])]);
}

type Named = readonly [name: string, value: SettingValue];

function fromFile(root: string, env: Env): Named[] {
  const file = joinPath(root, ENV_FILE);
  let text: string;
  try {
    text = readRegularText(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENXIO") return []; // none, or a socket
    throw toFileError(file, "read", error);
  }
  return parseDotenv(text, env).map(({ name, value, line }) => [
    name,
    { value, where: `${name} in ${file}, line ${line}` },
  ]);
}

const fromEnvironment = (env: Env): Named[] =>
  Object.entries(env).map(([name, value]) => [name, { value: value ?? "", where: `${name} in the environment` }]);

/** Names are taken in any case; what comes later counts: a line of `.env` over one before it, the environment over all. */
function settingsOf(brand: Brand, all: readonly Named[]): Settings {
  const prefix = `${brand}_storage_`;
  const values = new Map<string, SettingValue>();
  for (const [name, value] of all) {
    const lower = name.toLowerCase();
    if (lower.startsWith(prefix)) values.set(lower.slice(prefix.length), value);
  }
  const bad: BadSetting[] = [];
  const read = <T>(name: string, convert: (value: string) => T | undefined, what: string): T | undefined => {
    const found = values.get(name);
    if (!found) return undefined;
    const value = convert(found.value);
    if (value === undefined) bad.push({ name, message: `${found.where} must be ${what}, not '${found.value}'` });
    return value;
  };
  return {
    backend: (values.get("backend")?.value ?? "sqlite").toLowerCase(),
    dbPath: values.get("db_path")?.value,
    enableFts: read("enable_fts", truth, "yes or no") ?? true,
    hotDays: read("hot_days", wholeNumber, "a whole number"),
    archiveEnabled: read("archive_enabled", truth, "yes or no") ?? false,
    archiveDestination: values.get("archive_destination")?.value,
    bad,
  };
}

const YES: ReadonlySet<string> = new Set(["1", "true", "yes", "on", "t", "y"]);
const NO: ReadonlySet<string> = new Set(["0", "false", "no", "off", "f", "n"]);

/** A truth value as pydantic takes it. */
export function truth(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return YES.has(word) ? true : NO.has(word) ? false : undefined;
}

const wholeNumber = (text: string): number | undefined => (/^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : undefined);
