// The flags that name a place and select sessions: the same words on every command.
import { usageError } from "../records/error.ts";
import { parseDuration, parseInstant, parseWholeNumber } from "../policy/parse-quantities.ts";
import { runtimeNames } from "../sources/runtimes.ts";
import { hasSelectors } from "../sources/selection.ts";
import type { SessionFilter, SessionSort } from "../sources/source.ts";
import { choice, option, repeated, toggle, type FlagValues } from "./flags.ts";

/** Which home: a directory, `backup:REPO@ID`, `archive:TARGET`, … */
export const placeFlags = {
  home: option("The place to read; else the usual one of --runtime: AGH_HOME, else ~/.agh", { hint: "PLACE" }),
  runtime: choice("The runtime that wrote it", () => [...runtimeNames(), "auto"]),
  homeId: option("Name the home by this id in records", { hint: "ID" }),
};

export const selectorFlags = {
  session: repeated(
    "Full id, or a unique prefix of 4 or more characters after the first '-' (of a UUID: from its beginning)",
    { hint: "ID" },
  ),
  agent: repeated("Agent name", { hint: "NAME" }),
  workspace: repeated("Workspace: either id, name or path", { hint: "WS" }),
  state: repeated("Recorded or effective state", { hint: "STATE" }),
  stopReason: repeated("Reason of the stop", { hint: "REASON" }),
  failure: repeated("Kind of failure", { hint: "KIND" }),
  crashed: toggle("Agent crashed, or is recorded as live without a process"),
  since: option("Last event at or after", { hint: "RFC3339|30d", convert: parseInstantOrDuration }),
  until: option("Last event before", { hint: "RFC3339|30d", convert: parseInstantOrDuration }),
  olderThan: option("Last event longer ago than", { hint: "30d", convert: parseDuration }),
  limit: option("At most N", { hint: "N", convert: parseWholeNumber(1) }),
};

export type PlaceValues = FlagValues<typeof placeFlags>;
export type SelectorValues = FlagValues<typeof selectorFlags>;

function parseInstantOrDuration(text: string): Date | number {
  return /^\d{4}-/.test(text) ? parseInstant(text) : parseDuration(text);
}

/** The selectors as the sources understand them; spans count back from `now`. */
export function filterOf(
  values: SelectorValues,
  now: Date,
  ids: readonly string[] = [],
  sort?: SessionSort,
): SessionFilter {
  const since = values.since === undefined ? undefined : toIsoTime(values.since, now);
  const until = earliest(
    values.until === undefined ? undefined : toIsoTime(values.until, now),
    values.olderThan === undefined ? undefined : toIsoTime(values.olderThan, now),
  );
  if (since && until && since >= until) throw usageError(`the time range is empty: since ${since}, before ${until}`);
  return {
    ids: [...ids, ...values.session],
    agents: values.agent,
    workspaces: values.workspace,
    states: values.state,
    stopReasons: values.stopReason,
    failures: values.failure,
    crashed: values.crashed,
    ...(since && { since }),
    ...(until && { until }),
    ...(values.limit && { limit: values.limit }),
    ...(sort && { sort }),
  };
}

function toIsoTime(at: Date | number, now: Date): string {
  return (at instanceof Date ? at : new Date(now.getTime() - at)).toISOString();
}

function earliest(...times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort()[0];
}

/** Whether anything but ids or a limit narrows. */
export const selects = ({ ids: _ids, limit: _limit, ...others }: SessionFilter): boolean => hasSelectors(others);
