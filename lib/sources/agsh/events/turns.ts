// Turns of a session: a person's message and all that came of it.
import type { AnyRecord } from "../../../records/record.ts";
import type { ToolRecord, TurnRecord } from "../../../records/runtime-kinds.ts";
import { elapsedMs } from "../../elapsed-ms.ts";
import type { Home } from "../../source.ts";
import { timeOf } from "./event-line.ts";
import { blockOf, type AgshEvent } from "./messages.ts";

export interface TurnContext {
  readonly home: Home;
  readonly session: string;
  /** What became of a call that nobody answered, in the last turn: a live agent may still be at it. */
  readonly unanswered: ToolRecord["outcome"];
}

/** One turn while its events come in. */
export class Turn {
  readonly id: string;
  readonly #types: { [type: string]: number } = Object.create(null) as { [type: string]: number };
  readonly #prompt: string[] = [];
  readonly #text: string[] = [];
  readonly #thought: string[] = [];
  readonly #calls = new Map<string, Call>();
  #first: AgshEvent | undefined;
  #last: AgshEvent | undefined;

  constructor(id: string) {
    this.id = id;
  }

  add(event: AgshEvent): void {
    this.#first ??= event;
    this.#last = event;
    this.#types[event.type] = (this.#types[event.type] ?? 0) + 1;
    if (event.type === "user") return void this.#prompt.push(withoutContext(JSON.parse(event.json) as unknown));
    const block = blockOf(event);
    if (event.type === "tool_use") this.#call(event, block);
    else if (event.type === "tool_result") this.#result(event, block);
    else if (event.type === "assistant")
      pushText(this.#text, block ? block["text"] : (JSON.parse(event.json) as unknown));
    else if (event.type === "thinking") pushText(this.#thought, block?.["thinking"]);
  }

  #call(event: AgshEvent, block: ReturnType<typeof blockOf>): void {
    const [id, name] = [textOr(block?.["id"]) ?? event.id, textOr(block?.["name"])];
    if (!this.#calls.has(id)) this.#calls.set(id, { id, name, event, input: block?.["input"] });
  }

  #result(event: AgshEvent, block: ReturnType<typeof blockOf>): void {
    const call = this.#calls.get(String(block?.["tool_use_id"]));
    if (!call || call.answer) return;
    const failed = block?.["is_error"] === true;
    const text = resultText(block?.["content"]);
    call.answer = { event, failed, bytes: Buffer.byteLength(event.json), error: failed ? text : undefined };
  }

  record({ home, session }: TurnContext, unanswered: ToolRecord["outcome"]): AnyRecord {
    const [start, end] = [String(timeOf(this.#first!)), String(timeOf(this.#last!))];
    const turn: TurnRecord = {
      kind: "turn",
      runtime: home.runtime,
      home: home.place,
      id: this.id,
      session_id: session,
      started_at: start,
      duration_ms: elapsedMs(start, end),
      prompt: joined(this.#prompt, "\n"),
      text: joined(this.#text, "\n"),
      thought: joined(this.#thought, "\n"),
      tools: [...this.#calls.values()].map((call) => brief(call, unanswered)),
      types: this.#types,
      ended_at: end,
      first_sequence: this.#first!.sequence,
      last_sequence: this.#last!.sequence,
    };
    return turn;
  }

  *tools({ home, session }: TurnContext, unanswered: ToolRecord["outcome"]): Generator<AnyRecord> {
    for (const call of this.#calls.values()) {
      const { event, answer, input } = call;
      const { tool_call_id: id, title: _, ...fields } = brief(call, unanswered);
      const of = {
        kind: "tool" as const,
        runtime: home.runtime,
        home: home.place,
        session_id: session,
        turn_id: this.id,
      };
      const ended_at = answer ? String(timeOf(answer.event)) : null;
      yield {
        ...of,
        ...fields,
        id,
        sequence: event.sequence,
        ended_at,
        result_bytes: answer?.bytes,
        input,
      } as AnyRecord;
    }
  }
}

interface Call {
  readonly id: string;
  readonly name: string | null;
  readonly event: AgshEvent;
  readonly input: unknown;
  answer?: {
    readonly event: AgshEvent;
    readonly failed: boolean;
    readonly bytes: number;
    readonly error: string | undefined;
  };
}

function brief({ id, name, event, answer }: Call, unanswered: ToolRecord["outcome"]) {
  const started_at = String(timeOf(event));
  return {
    tool_call_id: id,
    tool_name: name,
    title: undefined,
    started_at,
    duration_ms: answer ? elapsedMs(started_at, String(timeOf(answer.event))) : null,
    outcome: answer ? (answer.failed ? ("error" as const) : ("ok" as const)) : unanswered,
    error: answer?.error,
  };
}

/** From 0.10 on agsh writes the surroundings before a person's words. */
const CONTEXT = /^<context>[^]*?<\/context>\n/;

export const withoutContext = (text: unknown): string => String(text).replace(CONTEXT, "");

const textOr = (value: unknown): string | null => (typeof value === "string" ? value : null);

function pushText(into: string[], value: unknown): void {
  if (typeof value === "string" && value !== "") into.push(value);
}

const joined = (texts: readonly string[], by: string): string | undefined =>
  texts.length > 0 ? texts.join(by) : undefined;

/** The words of a result: a text, or since 0.8 an array of texts and images; undefined where there are none. */
function resultText(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content
    .map((part) => (part as { text?: unknown } | null)?.text)
    .filter((text) => typeof text === "string");
  return texts.length > 0 ? texts.join("\n") : undefined;
}
