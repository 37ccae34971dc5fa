// Writes events, token_usage and hook_runs into an open events.db.
import type { DatabaseSync } from "node:sqlite";
import { CONTEXT_SIZE } from "./content.ts";
import type { MadeEvent } from "./event.ts";
import type { Random } from "./random.ts";

const EXTRACTOR = "daemon.memory.extractor.session_message_persisted";
// AGH records about one hook run a message; one in five keeps a made home's bytes with its events.
const HOOK_EVERY = 5;

/** Every call writes one event and what comes with it; the caller owns the transaction. */
export function sessionRowWriter(db: DatabaseSync, agent: string, random: Random): (event: MadeEvent) => void {
  const event = db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)");
  const hook = db.prepare("INSERT INTO hook_runs VALUES (?, ?, ?, 'native', ?, ?, 'applied', 1, NULL, NULL, 0, ?)");
  const usage = db.prepare(`INSERT INTO token_usage VALUES (?, ?, ?, ?, ?, NULL, NULL, ?, ${CONTEXT_SIZE}, ?, 'USD', ?)
    ON CONFLICT(turn_id) DO UPDATE SET input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    total_tokens = excluded.total_tokens, thought_tokens = excluded.thought_tokens, timestamp = excluded.timestamp`);
  return (made) => {
    event.run(made.id, made.sequence, made.turn, made.type, agent, made.content, made.timestamp);
    if (made.usage !== undefined) {
      const { input, output, total, thought, used, cost } = made.usage;
      usage.run(made.turn, input, output, total, thought, used, cost, made.timestamp);
    }
    if (made.hook !== undefined && made.type.endsWith("complete")) {
      hook.run(`hook-${random.hex(16)}`, made.hook.name, made.hook.event, "sync", random.below(4e6), made.timestamp);
    } else if (made.sequence % HOOK_EVERY === 0) {
      hook.run(
        `hook-${random.hex(16)}`,
        EXTRACTOR,
        "session.message_persisted",
        "async",
        random.below(2e4),
        made.timestamp,
      );
    }
  };
}
