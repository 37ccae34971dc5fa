// What is known about a session's failure besides its row: the crash bundle and the last event.
import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { bundleHere, bundlesDir } from "../home/layout.ts";

export interface LastEventRow {
  readonly sequence: number;
  readonly type: string;
  readonly timestamp: string;
}

const LAST = "SELECT sequence, type, timestamp FROM events ORDER BY sequence DESC LIMIT 1";

export function readLastEventRow(db: DatabaseSync): LastEventRow | null {
  const row = db.prepare(LAST).get();
  return row ? ({ ...row } as unknown as LastEventRow) : null;
}

export interface CrashBundle {
  readonly path: string;
  readonly created_at: string | undefined;
  /** The end of what the agent wrote to stderr, redacted by AGH; null where it wrote nothing. */
  readonly stderrTail: string | null;
}

/** Names in the home's crash-bundle directory; [] where there is none. */
export function listBundleNames(home: string): string[] {
  try {
    return readdirSync(osPath(bundlesDir(home))).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The recorded bundle as it lies here, else the session's newest; undefined where there is neither. */
export function findBundle(
  home: string,
  names: readonly string[],
  failure: { readonly sessionId: string; readonly recorded: string | undefined },
): CrashBundle | undefined {
  const recorded = bundleHere(home, failure.recorded ?? "");
  if (recorded && names.some((name) => recorded.endsWith(`/${name}`))) return readBundle(recorded);
  // <session>-<failure kind>-<nanoseconds>.json
  const own = names.filter((name) => name.startsWith(`${failure.sessionId}-`) && /-\d+\.json$/.test(name));
  const newest = own.sort((a, b) => stampOf(a).localeCompare(stampOf(b))).at(-1);
  return newest === undefined ? undefined : readBundle(joinPath(bundlesDir(home), newest));
}

const stampOf = (name: string): string => (/-(\d+)\.json$/.exec(name)?.[1] ?? "").padStart(20, "0");

const TAIL = 2048;

function readBundle(path: string): CrashBundle {
  try {
    const { stderr, created_at } = JSON.parse(readFileSync(osPath(path), "utf8")) as { [key: string]: unknown };
    return {
      path,
      created_at: typeof created_at === "string" ? created_at : undefined,
      stderrTail: typeof stderr === "string" && stderr !== "" ? tailOf(stderr) : null,
    };
  } catch {
    // Half written when the machine went down: that it is there is still worth telling.
    return { path, created_at: undefined, stderrTail: null };
  }
}

/** The last 2 KiB of a text, from the beginning of a character. */
function tailOf(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= TAIL) return text;
  let from = bytes.length - TAIL;
  while ((bytes[from]! & 0xc0) === 0x80) from++;
  return bytes.toString("utf8", from);
}
