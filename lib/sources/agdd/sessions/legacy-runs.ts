// Runs as they lie in `.runs/agents`: logs.jsonl, metrics.json, and summary.json once AGDD has finished one.
import { readdirSync, statSync, type Dirent } from "node:fs";
import { readRegularText, realPath } from "../../../files/link-target.ts";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import { placeError } from "../../../records/error.ts";
import { AGENTS } from "../home/layout.ts";
import { exactJson, isObject, numberOr, pythonJson, textOr } from "../python-json.ts";
import { fromUnix } from "../time.ts";

export const LOGS = "logs.jsonl";
export const SUMMARY = "summary.json";
export const METRICS = "metrics.json";

const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** Names of the run directories, sorted; [] where there are none. */
export function legacyIds(root: string): string[] {
  const dir = joinPath(root, AGENTS);
  try {
    return readdirSync(osPath(dir), { withFileTypes: true })
      .filter((entry) => ID.test(entry.name) && (entry.isDirectory() || isLinkedDirectory(dir, entry)))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw toFileError(dir, "look into", error);
  }
}

/** AGDD follows a link in a run's place. */
const isLinkedDirectory = (dir: string, entry: Dirent): boolean =>
  entry.isSymbolicLink() && isDirectory(joinPath(dir, entry.name));

const isDirectory = (path: string): boolean => realPath(path) !== undefined && statSync(osPath(path)).isDirectory();

/** Whether an id may be the name of a run's directory. */
export const isRunId = (id: string): boolean => ID.test(id);

/** Whether there is a directory of this run. */
export const isLegacy = (root: string, id: string): boolean => isRunId(id) && isDirectory(legacyDir(root, id));

export const legacyDir = (root: string, id: string): string => joinPath(root, `${AGENTS}/${id}`);

/** One line of logs.jsonl. */
export interface LogLine {
  readonly event: string | null;
  /** RFC 3339; null where the line has none. */
  readonly at: string | null;
  /** `data`, its numbers as they were written. */
  readonly data: unknown;
  readonly span: string | null;
  readonly parentSpan: string | null;
}

export interface Logs {
  readonly lines: readonly LogLine[];
  /** Lines that are no JSON object: torn by a crash. */
  readonly torn: number;
}

/** The log of a run; undefined where it has none. */
export function readLogs(dir: string): Logs | undefined {
  const text = readText(joinPath(dir, LOGS));
  if (text === undefined) return undefined;
  const lines: LogLine[] = [];
  let torn = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const parsed = exactJson(line) ?? pythonJson(line);
    if (isObject(parsed)) lines.push(lineOf(parsed));
    else torn++;
  }
  return { lines, torn };
}

function lineOf(parsed: { readonly [key: string]: unknown }): LogLine {
  const { event, timestamp, span_id, parent_span_id } = parsed;
  const seconds = numberOr(timestamp);
  return {
    event: textOr(event),
    at: seconds === null ? null : fromUnix(seconds),
    data: parsed["data"] ?? {},
    span: textOr(span_id),
    parentSpan: textOr(parent_span_id),
  };
}

/** What is known of a legacy run without its events. */
export interface LegacyRun {
  readonly id: string;
  readonly agent: string | null;
  readonly parent: string | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** A line of its log says `error`. */
  readonly failed: boolean;
  /** The error's text, and its type. */
  readonly error: { readonly type: string | null; readonly text: string | null } | undefined;
  readonly lines: number;
  readonly torn: number;
  readonly hasLogs: boolean;
  /** Finished: summary.json is there and is JSON. */
  readonly finished: boolean;
  /** Sums over the run, from the summary. */
  readonly cost: number | null;
  readonly tokens: number | null;
  /** The last value of each metric, as AGDD's migration takes them, numbers as written. */
  readonly metrics: { readonly [name: string]: unknown };
  /** A file of it that is not JSON. */
  readonly problem: string | undefined;
}

export function readLegacy(root: string, id: string): LegacyRun {
  const dir = legacyDir(root, id);
  const logs = readLogs(dir);
  const [summary, metrics] = [readJson(joinPath(dir, SUMMARY)), readJson(joinPath(dir, METRICS))];
  const known = isObject(summary.value) ? summary.value : {};
  const lines = logs?.lines ?? [];
  const starts = lines.map(({ event, data }) => (event === "start" && isObject(data) ? data : {}));
  const plan = isObject(known["llm_plan"]) ? known["llm_plan"] : {};
  return {
    id,
    agent: textOr(known["slug"]) ?? firstText(starts, "slug"),
    parent: firstText(starts, "parent_run_id"),
    provider: textOr(plan["provider"]),
    model: textOr(plan["model"]),
    startedAt: lines[0]?.at ?? null,
    endedAt: lines.at(-1)?.at ?? null,
    failed: lines.some(({ event }) => event === "error"),
    error: errorOf(lines),
    lines: lines.length,
    torn: logs?.torn ?? 0,
    hasLogs: logs !== undefined,
    finished: isObject(summary.value),
    cost: numberOr(known["cost_usd"]),
    tokens: numberOr(known["token_count"]),
    metrics: isObject(metrics.value) ? lastValues(metrics.value) : {},
    problem:
      [logs?.torn ? `${logs.torn} torn lines in ${LOGS}` : undefined, summary.problem, metrics.problem]
        .filter(Boolean)
        .join("; ") || undefined,
  };
}

function errorOf(lines: readonly LogLine[]): LegacyRun["error"] {
  const last = lines.findLast(({ event }) => event === "error");
  if (!last) return undefined;
  const data = isObject(last.data) ? last.data : {};
  return { type: textOr(data["type"]), text: textOr(data["error"]) };
}

const firstText = (objects: readonly { readonly [key: string]: unknown }[], key: string): string | null =>
  textOr(objects.find((object) => typeof object[key] === "string")?.[key]);

function lastValues(metrics: { readonly [key: string]: unknown }): { [name: string]: unknown } {
  const last: { [name: string]: unknown } = {};
  for (const [name, list] of Object.entries(metrics)) {
    const entry = Array.isArray(list) ? (list.at(-1) as unknown) : undefined;
    if (isObject(entry) && "value" in entry) last[name] = entry["value"];
  }
  return last;
}

interface Read {
  readonly value: unknown;
  readonly problem: string | undefined;
}

function readJson(file: string): Read {
  const text = readText(file);
  const name = file.slice(file.lastIndexOf("/") + 1);
  if (text === undefined) return { value: undefined, problem: undefined };
  const value = exactJson(text) ?? pythonJson(text);
  return { value, problem: value === undefined ? `${name} is not JSON` : undefined };
}

const LARGEST = 512 << 20;

/** Undefined when there is no such file. */
function readText(file: string): string | undefined {
  try {
    const stats = statSync(osPath(file), { throwIfNoEntry: false });
    if (!stats?.isFile()) return undefined;
    if (stats.size > LARGEST)
      throw placeError("E_TOO_LARGE", `${file} is too large to be a file of a run`, `ls -l ${file}`);
    return readRegularText(file);
  } catch (error) {
    throw toFileError(file, "read", error);
  }
}
