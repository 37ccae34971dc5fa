// Record kinds for what a session left behind: turns, usage, tools, hooks, permissions, processes, failures, vault refs.
import { identity, sessionId } from "./identity.ts";
import { bigInteger, decimal, integer, json, kind, list, nullable, oneOf, optional, text, time, yes } from "./shape.ts";

export const turn = kind("turn", "One prompt and what came of it, or one hook dispatch or lifecycle step.", {
  ...identity,
  id: text("The turn's id."),
  session_id: sessionId,
  started_at: time("Time of the first event."),
  duration_ms: nullable(integer("Between the two; null when a time stamp cannot be read.")),
  stop_reason: optional(text("How the turn ended.")),
  prompt: optional(text("What was asked.")),
  error: optional(text("The error that ended it.")),
  text: optional(text("What the agent said, joined from its chunks.")),
  thought: optional(text("What the agent thought, joined.")),
  tools: list(
    "The tool calls in order.",
    json("{tool_call_id, tool_name, title, started_at, duration_ms, outcome, error}"),
  ),
  usage: optional(
    json("The token_usage row of the turn; its cost_amount counts from the beginning of the agent's session."),
  ),
  types: json("Events of the turn counted by type."),
  ended_at: time("Time of the last event."),
  first_sequence: integer("Its first event."),
  last_sequence: integer("Its last event."),
});

export const usage = kind(
  "usage",
  "Tokens and money, one record a group and currency; turns without a cost are a record of their own.",
  {
    ...identity,
    id: text("The group: its keys and currency joined by `/`; `total` for a line of --rollup."),
    day: optional(nullable(text("Calendar day in --tz."))),
    session_id: optional(nullable(sessionId)),
    turn_id: optional(nullable(text("The turn."))),
    agent_name: optional(nullable(text("The agent."))),
    provider: optional(nullable(text("The provider."))),
    model: optional(nullable(text("The model."))),
    workspace_id: optional(nullable(text("The workspace."))),
    turns: integer("Turns with a usage row."),
    cost_amount: nullable(
      decimal(
        "What was added, in cost_currency: AGH's cumulative amounts are counted once. Null when nobody reported any.",
      ),
    ),
    cost_currency: nullable(text("ISO code; amounts of two currencies are never added.")),
    total_tokens: nullable(integer("Sum; null when no turn reported any.")),
    input_tokens: nullable(integer("Sum; null when no turn reported any.")),
    output_tokens: nullable(integer("Sum; null when no turn reported any.")),
    thought_tokens: nullable(integer("Sum; null when no turn reported any.")),
    cache_read_tokens: nullable(integer("Sum; null when no turn reported any.")),
    cache_write_tokens: nullable(integer("Sum; null when no turn reported any.")),
    tokens_basis: oneOf("Where the token figures come from.", "reported", "unknown"),
    cost_basis: oneOf("Where the cost comes from.", "reported", "priced", "unknown"),
    first_at: nullable(time("First usage row.")),
    last_at: nullable(time("Last usage row.")),
  },
);

export const hookRun = kind("hook_run", "One run of a hook.", {
  ...identity,
  id: text("hook_runs.id."),
  session_id: sessionId,
  hook_name: text("The hook."),
  event: text("What it was run for."),
  outcome: text("applied, denied, failed, skipped, dropped, rejected."),
  required: yes("Whether its failure stops the session."),
  recorded_at: text("When it was recorded."),
  duration_ns: bigInteger("As recorded, nanoseconds."),
  source: text("native, config, agent_definition, skill."),
  mode: text("sync or async."),
  dispatch_depth: integer("Nesting."),
  error: optional(nullable(text("Its error."))),
  patch_applied: optional(nullable(json("The patch it applied."))),
});

export const permission = kind("permission", "One request for permission, and what became of it.", {
  ...identity,
  id: text("The request id `<turn>:<tool_call_id>`, or the event's id."),
  session_id: sessionId,
  decision: text("allow-once, allow-always, reject-once, reject-always, or `pending`."),
  waited_ms: nullable(integer("Between the two; 0 when the mode answered at once.")),
  agent_name: nullable(text("The agent.")),
  permission_mode: nullable(text("The session's effective mode.")),
  policy_used: nullable(text("From permission_log; null when it is gone or never was.")),
  resource: nullable(text("On what.")),
  title: optional(text("As the person saw it.")),
  action: nullable(text("What was asked for.")),
  requested_at: text("When it was asked."),
  decided_at: nullable(text("When it was decided.")),
  turn_id: text("The turn that asked."),
  options: list("The choices that were offered.", json("{decision, option_id, kind, label}")),
});

export const processKind = kind("process", "One tool process that the runtime checkpointed.", {
  ...identity,
  id: text("tool_processes.id."),
  session_id: nullable(text("The session, mapped from the ACP id; null when none or several match.")),
  source: text("acp_agent, acp_terminal, sandbox_terminal, hook, extension, subprocess."),
  state: text("running, interrupting, interrupted, completed, failed, stale."),
  alive: nullable(yes("Whether that process runs here now; null where it cannot be known.")),
  pid: integer("The process."),
  command: optional(text("What was run.")),
  args: optional(list("Its arguments.", text("One argument."))),
  updated_at: text("When the row changed."),
  exit_code: optional(nullable(integer("Its exit code."))),
  error: optional(nullable(text("Its error."))),
  cwd: optional(text("Where.")),
  turn_id: optional(nullable(text("The turn."))),
  tool_call_id: optional(nullable(text("The tool call."))),
  acp_session_id: optional(nullable(text("tool_processes.session_id."))),
  process_group_id: optional(integer("Its group.")),
  started_at: optional(nullable(text("When it started."))),
  created_at: optional(text("When the row was made.")),
  completed_at: optional(nullable(text("When it ended."))),
});

export const tool = kind("tool", "One tool call.", {
  ...identity,
  id: text("The tool call's id."),
  session_id: sessionId,
  tool_name: nullable(text("The tool.")),
  outcome: oneOf("What came of it.", "ok", "error", "interrupted", "pending"),
  duration_ms: nullable(integer("Between the two.")),
  started_at: text("Time of the call."),
  error: optional(text("Its error.")),
  title: optional(text("As the person saw it.")),
  turn_id: nullable(text("The turn; null where the runtime has none.")),
  sequence: integer("Sequence of the call."),
  ended_at: nullable(text("Time of the result.")),
  result_bytes: optional(integer("Bytes of the result's JSON.")),
  input: optional(json("What it was given.")),
});

export const failure = kind("failure", "One failed session.", {
  ...identity,
  id: sessionId,
  agent_name: nullable(text("The agent.")),
  failure_kind: text("The runtime's failure kind."),
  failed_at: nullable(text("When: the crash bundle's time, else the last event's, else the session's update.")),
  summary: nullable(text("One line of it.")),
  last_event: nullable(json("{sequence, type, timestamp} of the last event.")),
  stderr_tail: nullable(text("The last 2 KiB of the agent's stderr that the bundle has.")),
  crash_bundle: nullable(text("The bundle's path here: the recorded one by its name, else the session's newest.")),
  stop_reason: nullable(text("Why it stopped.")),
  stop_detail: nullable(text("More about that.")),
  session_id: sessionId,
});

export const vaultRef = kind("vault_ref", "A secret's metadata; its value is never read.", {
  ...identity,
  id: text("The vault ref."),
  namespace: text("providers, bridges, automation, mcp, hooks, extensions, sandbox, sessions."),
  session_id: optional(nullable(text("The session of a session-scoped ref."))),
  vault_ref_kind: text("vault_secrets.kind."),
  present: yes("Whether an encrypted value is stored."),
  key_present: yes("Whether the home has the key that opens it."),
  created_at: text("When it was made."),
  updated_at: text("When it changed."),
});
