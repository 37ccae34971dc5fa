// Record kinds for judgements and changes, and the two that end a stream.
import {
  integer,
  json,
  kind,
  list,
  nullable,
  oneOf,
  optional,
  runtimeName,
  text,
  bool,
  type RecordOf,
} from "./shape.ts";

export const action = kind("action", "One planned or performed change.", {
  runtime: optional(runtimeName("The runtime.")),
  home: optional(text("The place it changes.")),
  id: optional(text("The thing it changes.")),
  verb: text("What is done."),
  subject: json("What it is done to."),
  expect: optional(json("What must still hold right before: size, mtime, digest, row state.")),
  state: oneOf("How far it is.", "planned", "done", "skipped", "failed"),
  reason: optional(text("Why it is done, or why it was not.")),
  bytes: optional(integer("Bytes it frees or writes.")),
  freed: optional(integer("Bytes it has freed, as measured; `bytes` is what was predicted.")),
  loses: optional(nullable(text("What it loses."))),
  error: optional(text("What went wrong.")),
});

export const finding = kind("finding", "Something that is wrong, or worth knowing.", {
  runtime: optional(runtimeName("The runtime.")),
  home: optional(text("The place it was found in.")),
  id: optional(text("The thing it is about.")),
  code: text("Stable code."),
  severity: oneOf("How bad it is.", "error", "warn", "info"),
  message: text("One line for people."),
  evidence: json("What was seen."),
  action: optional(json("The action that would repair it.")),
});

export const verdict = kind("verdict", "The answer of a check about one thing.", {
  runtime: optional(runtimeName("The runtime.")),
  home: optional(text("The place it was read from.")),
  id: text("The thing it is about."),
  verdict: text("The answer."),
  evidence: json("What was seen."),
});

export const boot = kind("boot", "What a runtime's start would do with a home.", {
  runtime: runtimeName("The runtime."),
  home: text("The home."),
  starts: bool("Whether the daemon would come up."),
  refusals: list("Why it would not.", text("A reason.")),
  changes: list("What it would do on the way.", json("{id, change}")),
});

export const diff = kind("diff", "One difference between two things.", {
  id: text("The path or thing that differs."),
  change: oneOf("How.", "added", "removed", "changed"),
  before: optional(json("What it was.")),
  after: optional(json("What it is.")),
});

export const summary = kind("summary", "The last record of a verb that does or checks something.", {
  tool: text("Command and verb."),
  run: text("The run's ULID."),
  status: oneOf("How it ended.", "ok", "partial", "failed", "planned"),
  items: integer("Things looked at or done."),
  failed: integer("Of these, wrong, skipped or failed."),
  bytes: integer("Bytes read or written, as the verb's help says."),
  duration_ms: integer("Wall time."),
  exit: integer("The exit code."),
});

export const error = kind("error", "Ends the stream of a command that failed after it had begun to print.", {
  code: text("Stable code."),
  message: text("What went wrong."),
  hint: optional(text("What to type next.")),
  exit: integer("The exit code."),
});

export const RESULT_KINDS = [finding, verdict, boot, diff, action, summary, error] as const;

export type Finding = RecordOf<typeof finding>;
export type VerdictRecord = RecordOf<typeof verdict>;
export type Boot = RecordOf<typeof boot>;
export type Diff = RecordOf<typeof diff>;
export type Action = RecordOf<typeof action>;
export type Summary = RecordOf<typeof summary>;
export type ErrorRecord = RecordOf<typeof error>;
