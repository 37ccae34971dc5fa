// ledger.jsonl as AGH materialises it when a session stops.
import fs from "node:fs";
import type { MadeEvent } from "./event.ts";
import type { SessionPlan } from "./sessions.ts";
import type { Instant } from "./time.ts";
import { trimmed, trimTime } from "./time.ts";

const buffer = Buffer.alloc(1 << 18);

/** The first line; `ended` is meta.json's updated_at. */
export function ledgerHead(plan: SessionPlan, ended: Instant): string {
  return (
    `{"type":"ledger_meta","version":1,"session_id":"${plan.id}","workspace_id":"${plan.workspace.id}",` +
    `"root_session_id":"${plan.id}","agent_name":"${plan.agent}","session_type":"user",` +
    `"started_at":"${trimmed(plan.created)}","ended_at":"${trimmed(ended)}"}\n`
  );
}

/** An event as it was made, or as events.db holds it. */
export type LedgerEvent = Pick<MadeEvent, "id" | "sequence" | "turn" | "type" | "content" | "timestamp">;

export function ledgerLine(plan: SessionPlan, event: LedgerEvent): string {
  return (
    `{"type":"session_event","version":1,"session_id":"${plan.id}","sequence":${event.sequence},"event_id":"${event.id}",` +
    `"turn_id":"${event.turn}","event_type":"${event.type}","agent_name":"${plan.agent}","content":${event.content},` +
    `"timestamp":"${trimTime(event.timestamp)}"}\n`
  );
}

export interface TextFile {
  add(text: string): void;
  close(): void;
}

/** A new file that is written in pieces of a quarter megabyte. */
export function textFile(file: string): TextFile {
  const fd = fs.openSync(file, "wx");
  let used = 0;
  const flush = (): void => {
    fs.writeSync(fd, buffer, 0, used);
    used = 0;
  };
  return {
    add: (text) => {
      // A UTF-16 unit takes at most three bytes.
      if (used + text.length * 3 > buffer.length) flush();
      used += buffer.write(text, used);
    },
    close: () => {
      flush();
      fs.closeSync(fd);
    },
  };
}
