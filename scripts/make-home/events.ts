// The stream of events of one session: hooks, prompts, streamed chunks, tools, permissions, usage, the stop.
import type { MadeEvent, MadeUsage } from "./event.ts";
import type { Head } from "./content.ts";
import { content, permissionContent, usageKeys } from "./content.ts";
import type { Random } from "./random.ts";
import type { SessionPlan } from "./sessions.ts";
import type { Instant } from "./time.ts";
import { later, nineDigits, trimmed } from "./time.ts";
import { words } from "./words.ts";

const HOOK = "daemon.observe.session_post_create";
const VERBS = ["edit", "read", "search", "run"];
const TAIL = 2;

/** Exactly `plan.events` events, sequences 1..n, instants strictly rising from `plan.created`. */
export function* sessionEvents(plan: SessionPlan, random: Random): Generator<MadeEvent> {
  const stream = new MadeEvents(plan, random);
  const bodies = plan.events - (plan.stop === undefined ? 0 : Math.min(TAIL, plan.events));
  yield* take(stream.opening(), bodies);
  while (stream.sequence < bodies) yield* take(stream.turn(bodies - stream.sequence), bodies - stream.sequence);
  if (plan.stop !== undefined) yield* take(stream.closing(plan.stop.reason), plan.events - stream.sequence);
}

/** Stops before the generator draws for an event that is not needed. */
function* take<T>(from: Generator<T>, count: number): Generator<T> {
  for (let left = count; left > 0; left--) {
    const item = from.next();
    if (item.done === true) return;
    yield item.value;
  }
}

type Extra = Partial<Pick<MadeEvent, "usage" | "permission" | "hook">>;

/** The endless story of one session; it counts what it has emitted. */
export class MadeEvents {
  sequence = 0;
  readonly plan: SessionPlan;
  readonly random: Random;
  at: Instant;
  cost = 0;

  constructor(plan: SessionPlan, random: Random) {
    this.plan = plan;
    this.random = random;
    this.at = plan.created;
  }

  *opening(): Generator<MadeEvent> {
    for (const [type, word, decision] of [
      ["hook.dispatch.start", "start", ""],
      ["hook.dispatch.complete", "applied", ',"decision":"applied"'],
    ] as const) {
      const head = this.head(type, this.newTurn());
      const text = `session.post_create ${HOOK} ${word}`;
      const before = `,"hook_event":"session.post_create","hook_name":"${HOOK}","actor_kind":"agent_session","actor_id":"${this.plan.id}"`;
      const hook = { event: "session.post_create", name: HOOK };
      yield this.event(head, content(head, `,"text":"${text}"${decision}`, before), text, { hook });
    }
  }

  /** One prompt and its answer, of at most `room` events. */
  *turn(room: number): Generator<MadeEvent> {
    const turn = this.newTurn();
    const body = 24 + this.random.below(56);
    const closes = room > body + 12;
    yield this.text("user_message", turn, words(this.random, 4 + this.random.below(12)));
    for (let emitted = 0; emitted < (closes ? body : room);) {
      const before = this.sequence;
      yield* this.step(turn);
      emitted += this.sequence - before;
    }
    yield* this.bill(turn);
  }

  /** A chunk of text, a thought, or a tool and its result. */
  private *step(turn: string): Generator<MadeEvent> {
    const dice = this.random.below(1000);
    if (dice < 690) yield this.text("agent_message", turn, words(this.random, 1 + this.random.below(6)));
    else if (dice < 800) yield this.text("thought", turn, words(this.random, 1 + this.random.below(5)));
    else if (dice < 985) yield* this.tool(turn);
    else yield* this.permittedTool(turn);
  }

  *closing(reason: string): Generator<MadeEvent> {
    const turn = this.newTurn();
    const stopped = this.head("session_stopped", turn);
    yield this.event(stopped, content(stopped, `,"stop_reason":"${reason}"`), reason);
    const head = this.head("transcript_marker.created", turn);
    const kind = "transcript_marker.prompt_interrupted";
    const text = "Session interrupted by operator.";
    const raw =
      `{"kind":"${kind}","occurred_at":"${trimmed(head.at)}","summary":"${text}",` +
      `"evidence":{"event_type":"session_stopped","failure_kind":"","stop_reason":"${reason}"}}`;
    yield this.event(
      head,
      content(head, `,"text":"${text}","title":"${kind}","tool_name":"${kind}","raw":${raw}`),
      text,
    );
  }

  private *tool(turn: string): Generator<MadeEvent> {
    const call = `call_${this.random.hex(8)}_0`;
    const file = this.file();
    yield this.call(turn, call, file);
    yield this.result(turn, call);
  }

  private *permittedTool(turn: string): Generator<MadeEvent> {
    const call = `call_${this.random.hex(8)}_0`;
    const file = this.file();
    const ask = { call, title: `edit ${basename(file)}`, file };
    const request = this.head("permission", turn);
    yield this.event(request, permissionContent(request, { ...ask, decision: "" }), ask.title);
    yield this.call(turn, call, file);
    const decision = this.random.below(5) === 0 ? "reject-once" : "allow-once";
    const head = this.head("permission", turn);
    const permission = { resource: file, decision };
    yield this.event(head, permissionContent(head, { ...ask, decision }), ask.title, { permission });
    yield this.result(turn, call);
  }

  private *bill(turn: string): Generator<MadeEvent> {
    const used = 4000 + this.random.below(120000);
    this.cost = Math.round((this.cost + this.random.below(4000) / 10000) * 10000) / 10000;
    const sofar: MadeUsage = { input: null, output: null, total: null, thought: null, used, cost: this.cost };
    const reported = this.head("usage", turn);
    const summary = `{\\"sessionUpdate\\": \\"usage_update\\", \\"used\\": ${used}}`;
    yield this.event(reported, content(reported, usageKeys(reported, sofar)), summary, { usage: sofar });
    const [input, output, thought] = [
      1000 + this.random.below(20000),
      100 + this.random.below(4000),
      this.random.below(200),
    ];
    const usage: MadeUsage = { ...sofar, input, output, thought, total: input + output + thought };
    const done = this.head("done", turn);
    yield this.event(done, content(done, `,"stop_reason":"end_turn"${usageKeys(done, usage)}`), "end_turn", { usage });
  }

  private call(turn: string, call: string, file: string): MadeEvent {
    const title = `${this.random.pick(VERBS)} ${basename(file)}`;
    const input = `{"flags":["-n","-r"],"path":"${file}","query":"${words(this.random, 2 + this.random.below(6))}"}`;
    const head = this.head("tool_call", turn);
    const after = `,"title":"${title}","tool_name":"${title}","tool_call_id":"${call}","tool_input":${input}`;
    return this.event(head, content(head, after), title);
  }

  private result(turn: string, call: string): MadeEvent {
    const size = this.random.below(1000);
    const count =
      size < 700
        ? 20 + this.random.below(110)
        : size < 950
          ? 130 + this.random.below(500)
          : 630 + this.random.below(900);
    const shown = words(this.random, Math.min(count, 40));
    const text = count > 40 ? shown + words(this.random, count - 40) : shown;
    const head = this.head("tool_result", turn);
    const result = `{"content":"${text}","raw_output":{"exit_code":0,"output":"${shown}"}}`;
    return this.event(head, content(head, `,"tool_call_id":"${call}","tool_result":${result}`), call);
  }

  private text(type: string, turn: string, text: string): MadeEvent {
    const head = this.head(type, turn);
    return this.event(head, content(head, `,"text":"${text}"`), text);
  }

  private head(type: string, turn: string): Head {
    this.at = this.plan.clock?.() ?? later(this.at, 1 + this.random.below(this.plan.gapNanos * 2));
    return { type, acp: this.plan.acp, turn, at: this.at };
  }

  private event(head: Head, content: string, summary: string, extra: Extra = {}): MadeEvent {
    const id = `ev-${this.random.hex(16)}`;
    const { turn, type, at } = head;
    return { id, sequence: ++this.sequence, turn, type, content, at, timestamp: nineDigits(at), summary, ...extra };
  }

  private newTurn(): string {
    return `turn-${this.random.hex(16)}`;
  }

  private file(): string {
    return `${this.plan.workspace.root}/src/mod_${this.random.below(90)}.go`;
  }
}

function basename(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
