// The verb `show`: everything about one session, each part a record of its own kind.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readTombstone } from "../custody/tombstone-record.ts";
import { osPath } from "../files/os-path.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { LedgerRecord } from "../records/toolkit-kinds.ts";
import { Block, lines, type Item } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { EventTypes } from "../sources/source.ts";
import { listDetails } from "./details.ts";
import { listSessionPaths } from "./session-paths.ts";
import { usage } from "./usage/usage.ts";

/** `session`, `tombstone`, `path`, `ledger`, `usage`, `failure` and `vault_ref` records of the one session that is named. */
export async function* show(where: Place, name: string, deps: Deps): AsyncGenerator<Item> {
  using place = await openPlace(where.home, { ...where, only: [name] }, deps);
  const { home, source } = place;
  for await (const session of source.sessions(home, { ids: [name], lastEvents: true }, deps)) {
    const event_types = await countEvents(place, session, deps);
    yield orderKeys({ ...session, event_types: event_types === "unreadable" ? undefined : event_types });
    const tombstone = readTombstone(home, session.id);
    if (tombstone) yield tombstone;
    yield* listSessionPaths(place, session, deps);
    if (session.has.ledger) yield* ledgerRecords(place, session.id, deps);
    if (source.can.has("usage") && event_types !== "unreadable") {
      yield* usageOf(place, session.id, event_types ? deps : withoutProblems(deps));
    }
    yield* remainingDetails(place, session, deps);
  }
}

/** What cannot be read is a problem (exit 3): the other parts are shown. */
async function countEvents(
  { home, source }: OpenPlace,
  { id, has }: SessionRecord,
  deps: Deps,
): Promise<EventTypes | "unreadable" | undefined> {
  try {
    if (source.eventTypes) return await source.eventTypes(home, id, deps);
    return has.events ? await countTypes(source.events(home, id, {}, deps)) : undefined;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return "unreadable";
  }
}

async function countTypes(events: ReturnType<OpenPlace["source"]["events"]>): Promise<EventTypes> {
  const counts = new Map<string, number>();
  for await (const item of events) {
    for (const line of item instanceof Block ? lines(item) : [JSON.stringify(item)]) {
      const { type } = JSON.parse(line) as { type?: unknown };
      counts.set(String(type), (counts.get(String(type)) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The sessions are known to be readable: what was reported of them is not reported again. */
async function* ledgerRecords({ home, source }: OpenPlace, id: string, deps: Deps): AsyncGenerator<LedgerRecord> {
  const ledgers = await source.ledgers?.();
  for await (const { ledger, hasLedger } of ledgers?.sessions(home, { ids: [id] }, withoutProblems(deps)) ?? []) {
    const facts = hasLedger ? await readLedger(ledger!) : undefined;
    if (!facts) continue;
    yield { kind: "ledger", runtime: home.runtime, home: home.place, id, session_id: id, path: ledger!, ...facts };
  }
}

async function readLedger(path: string): Promise<Pick<LedgerRecord, "bytes" | "lines" | "sha256"> | undefined> {
  const hash = createHash("sha256");
  let [bytes, lineCount] = [0, 0];
  try {
    for await (const chunk of createReadStream(osPath(path)) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lineCount++;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // removed meanwhile
    throw error;
  }
  return { bytes, lines: lineCount, sha256: hash.digest("hex") };
}

const usageOf = (opened: OpenPlace, id: string, deps: Deps): AsyncGenerator<Item> =>
  usage({ opened }, { sessions: { ids: [id] }, by: ["session"], zone: "UTC", rollup: false, limit: undefined }, deps);

async function* remainingDetails(opened: OpenPlace, session: SessionRecord, deps: Deps): AsyncGenerator<Item> {
  const { can } = opened.source;
  const sessions = { ids: [session.id] };
  if (can.has("failure")) {
    // Of whatever kind it is: those that the runtime counts only on request, too.
    const failed = { ...sessions, failures: [session.failure?.kind ?? ""] };
    yield* listDetails({ opened }, "failure", { sessions: failed, limit: 1 }, deps);
  }
  if (can.has("vault_ref") && session.has.row) yield* listDetails({ opened }, "vault_ref", { sessions }, deps);
}
