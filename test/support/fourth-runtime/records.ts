// Talks as records: sessions, events, turns, tools and usage. The same for talks in files and talks in rows.
import type {
  AnyRecord,
  Deps,
  EventRecord,
  Home,
  SessionRecord,
  SessionUsage,
  ToolRecord,
  TurnRecord,
} from "../../../lib/index.ts";
import { endOf, type Talk, type TalkEntry } from "./talks.ts";

type Outside = Pick<Deps, "isAlive">;

/** `stored`: whether it is a file or rows. */
export function sessionRecord(home: Home, talk: Talk, stored: "file" | "rows", deps: Outside): SessionRecord {
  const { id, head, entries, bytes, torn } = talk;
  const { state, effective } = stateOf(home, talk, deps);
  const last = entries.at(-1)?.at ?? head?.at ?? null;
  return {
    kind: "session",
    runtime: home.runtime,
    home: home.place,
    id,
    name: head?.title ?? null,
    agent_name: head?.agent ?? null,
    model: head?.model ?? null,
    workspace_id: null,
    state,
    effective,
    state_from: "meta",
    stop_reason: endOf(talk)?.end ?? null,
    ...(head?.parent !== undefined && { parent_session_id: head.parent }),
    resumable: { ok: state === "stopped", reason: state === "stopped" ? "it has ended" : "it has not ended" },
    has: {
      row: stored === "rows",
      dir: stored === "file",
      meta: head !== undefined,
      events: entries.length > 0,
      ledger: false,
      archive: false,
    },
    events_bytes: bytes,
    last_event_at: last,
    last_sequence: entries.length,
    created_at: head?.at ?? null,
    updated_at: last,
    ...(torn > 0 && { problem: `its last line is torn: ${torn} bytes` }),
  };
}

function stateOf(home: Home, talk: Talk, { isAlive }: Outside): Pick<SessionRecord, "state" | "effective"> {
  if (endOf(talk)) return { state: "stopped", effective: "stopped" };
  const alive = home.live && talk.head ? isAlive(talk.head.pid) : false;
  return { state: "active", effective: alive === undefined ? "unknown" : alive ? "running" : "dead" };
}

export function eventRecords({ runtime, place }: Home, { id, entries }: Talk): EventRecord[] {
  return entries.map((entry, at) => {
    const { at: timestamp, turn, who, end: _, ...content } = entry;
    return {
      kind: "event",
      runtime,
      home: place,
      id: `${id}#${at + 1}`,
      session_id: id,
      sequence: at + 1,
      turn_id: turn === undefined ? null : `${id}/${turn}`,
      type: who ?? "end",
      agent_name: who === "agent" ? "quill" : null,
      content,
      timestamp,
    };
  });
}

interface Turn {
  readonly id: string;
  readonly entries: readonly (TalkEntry & { readonly sequence: number })[];
}

function turnsOf({ id, entries }: Talk): Turn[] {
  const placed = entries.map((entry, at) => ({ ...entry, sequence: at + 1 }));
  const groups = Map.groupBy(
    placed.filter(({ turn }) => turn !== undefined),
    ({ turn }) => turn,
  );
  return [...groups].map(([turn, own]) => ({ id: `${id}/${turn}`, entries: own }));
}

export function turnRecords({ runtime, place }: Home, talk: Talk): TurnRecord[] {
  return turnsOf(talk).map(({ id, entries }) => {
    const [first, last] = [entries[0]!, entries.at(-1)!];
    const textOf = (who: TalkEntry["who"]): string =>
      entries
        .filter((entry) => entry.who === who)
        .map(({ text }) => text ?? "")
        .join("\n");
    return {
      kind: "turn",
      runtime,
      home: place,
      id,
      session_id: talk.id,
      started_at: first.at,
      duration_ms: Date.parse(last.at) - Date.parse(first.at),
      prompt: textOf("user"),
      text: textOf("agent"),
      tools: entries.filter(({ who }) => who === "tool").map(({ name }) => ({ tool_name: name })),
      types: Object.fromEntries([...Map.groupBy(entries, ({ who }) => who!)].map(([who, of]) => [who, of.length])),
      ended_at: last.at,
      first_sequence: first.sequence,
      last_sequence: last.sequence,
    };
  });
}

export function toolRecords({ runtime, place }: Home, talk: Talk): ToolRecord[] {
  return turnsOf(talk).flatMap(({ id, entries }) =>
    entries
      .filter(({ who }) => who === "tool")
      .map(({ name, failed, at, sequence, input, output }) => ({
        kind: "tool" as const,
        runtime,
        home: place,
        id: `${talk.id}#${sequence}`,
        session_id: talk.id,
        tool_name: name ?? null,
        outcome: failed ? ("error" as const) : ("ok" as const),
        duration_ms: 0,
        started_at: at,
        turn_id: id,
        sequence,
        ended_at: at,
        result_bytes: Buffer.byteLength(JSON.stringify(output ?? null)),
        input,
      })),
  );
}

export function sessionUsage(talk: Talk): SessionUsage {
  const turns = turnsOf(talk).flatMap(({ id, entries }) =>
    entries
      .filter(({ tokens }) => tokens !== undefined)
      .map(({ at, tokens, cost }) => ({
        timestamp: at,
        turn: id,
        tokens: [tokens!.in, tokens!.out, tokens!.in + tokens!.out, null, null, null],
        cost: cost ?? null,
        currency: cost === undefined ? null : "EUR",
      })),
  );
  const { head, id } = talk;
  return {
    session: id,
    agent: head?.agent ?? null,
    provider: null,
    model: head?.model ?? null,
    workspace: null,
    turns,
  };
}

export const isNamed = (record: AnyRecord, names: readonly string[] = [], key = "tool_name"): boolean =>
  names.length === 0 || names.includes(String(record[key]));
