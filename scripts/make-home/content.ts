// The JSON of an event's content, key by key as AGH writes it.
import type { MadeUsage } from "./event.ts";
import type { Instant } from "./time.ts";
import { trimmed } from "./time.ts";

export const CONTEXT_SIZE = 200000;
const OPTIONS =
  '[{"decision":"allow-once","option_id":"allow-once","kind":"allow_once","label":"Allow once"},' +
  '{"decision":"allow-always","option_id":"allow-always","kind":"allow_always","label":"Allow always"},' +
  '{"decision":"reject-once","option_id":"reject-once","kind":"reject_once","label":"Reject"}]';

export interface Head {
  readonly type: string;
  readonly acp: string;
  readonly turn: string;
  readonly at: Instant;
}

/** `before` and `after` stand on both sides of the timestamp, each with its own leading comma. */
export function content(head: Head, after: string, before = ""): string {
  return (
    `{"schema":"agh.session.event.v1","type":"${head.type}","session_id":"${head.acp}","turn_id":"${head.turn}"` +
    `${before},"timestamp":"${trimmed(head.at)}"${after}}`
  );
}

export function usageKeys(head: Head, usage: MadeUsage): string {
  return (
    `,"usage":{"TurnID":"${head.turn}","InputTokens":${usage.input},"OutputTokens":${usage.output},"TotalTokens":${usage.total},` +
    `"ThoughtTokens":${usage.thought},"CacheReadTokens":null,"CacheWriteTokens":null,"ContextUsed":${usage.used},` +
    `"ContextSize":${CONTEXT_SIZE},"CostAmount":${usage.cost},"CostCurrency":"USD","Timestamp":"${trimmed(head.at)}"}`
  );
}

export interface PermissionAsk {
  readonly call: string;
  readonly title: string;
  readonly file: string;
  /** Empty while it waits for an answer. */
  readonly decision: string;
}

export function permissionContent(head: Head, ask: PermissionAsk): string {
  const request = `${head.turn}:${ask.call}`;
  const decided = ask.decision === "" ? "" : `,"decision":"${ask.decision}"`;
  const raw =
    `{"request_id":"${request}"${decided},"tool_input":{"path":"${ask.file}"},"options":${OPTIONS},` +
    `"tool_call":{"id":"${ask.call}","kind":"edit","title":"${ask.title}","status":"pending","locations":[{"path":"${ask.file}"}]}}`;
  const after =
    `,"title":"${ask.title}","tool_name":"${ask.title}","tool_call_id":"${ask.call}",` +
    `"action":"session/request_permission","resource":"${ask.file}"${decided},"raw":${raw}`;
  return content(head, after, `,"request_id":"${request}"`);
}
