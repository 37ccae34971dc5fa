// Ledgers for runtimes that have none of their own: a head, then each `event` record as it is, beside the runtime's state.
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { placeError } from "../records/error.ts";
import { asBuffer, Block, encode } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { SessionPart } from "./contents.ts";
import { splitLines, openLedger, readChunks } from "./ledger-file.ts";
import type { Comparison, LedgerOf, LedgerReading, Ledgers, SessionLedger } from "./ledgers.ts";
import { openEventsReader } from "./read-events.ts";
import type { EventsReader, Home, SessionFilter, Source } from "./source.ts";

type Events = Pick<Source, "runtime" | "sessions" | "events" | "reader">;

/** The directory of a home that they lie in: history, which backups take. */
export const LEDGERS = ".agh-ledgers";

/** Ledgers in `.agh-ledgers/ID/ledger.jsonl`, made of what the source says of a session and its events. */
export function eventLedgers(source: Events): Ledgers {
  return {
    place: (home) => Promise.resolve({ root: ledgersDir(home.root) }),
    async *sessions(home, filter, deps) {
      yield* sessionLedgers(source, home, filter, deps);
    },
    events: eventsIn,
    assertHead: (line, path, sessionId) => assertHead(source.runtime, line, path, sessionId),
  };
}

const ledgersDir = (root: string): string => joinPath(root, LEDGERS);

/** Ids that may stand in a path, as one name. */
const SAFE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Where the ledger of a session lies, or would lie; undefined for an id that may not stand in a path. */
const ledgerOf = (root: string, id: string): string | undefined =>
  SAFE.test(id) ? joinPath(ledgersDir(root), `${id}/ledger.jsonl`) : undefined;

/** The ledger that a path of a home is. */
export function ledgerPart(path: string): SessionPart | undefined {
  const [top, session, name, ...more] = path.split("/");
  const isLedger = top === LEDGERS && name === "ledger.jsonl" && more.length === 0;
  return isLedger && session ? { session, is: "ledger" } : undefined;
}

/** The directory of a session's ledger; none for an id that may not stand in a path. */
export function ledgerDirOf(root: string, id: string): string[] {
  const path = ledgerOf(root, id);
  return path === undefined ? [] : [dirname(path)];
}

/** Sessions as they are, each with its ledger, if it has one. */
export async function* withLedgers(
  { root }: Pick<Home, "root">,
  sessions: AsyncIterable<SessionRecord>,
): AsyncGenerator<SessionRecord> {
  if (!existsSync(osPath(ledgersDir(root)))) return yield* sessions;
  for await (const session of sessions) {
    const path = ledgerOf(root, session.id);
    const stat = path === undefined ? undefined : lstatSync(osPath(path), { throwIfNoEntry: false });
    if (!stat) yield session;
    else yield orderKeys({ ...session, has: { ...session.has, ledger: true }, ledger_bytes: stat.size });
  }
}

async function* sessionLedgers(
  source: Events,
  home: Home,
  filter: SessionFilter,
  deps: Deps,
): AsyncGenerator<SessionLedger> {
  using reader = await openEventsReader(source, home, deps);
  for await (const session of source.sessions(home, filter, deps)) {
    const { id, has } = session;
    const ledger = ledgerOf(home.root, id);
    const lacks = has.events ? undefined : "events";
    const open = (): LedgerReading => new Reading(reader, home, session);
    yield {
      id,
      session,
      live: isLive(session),
      hasLedger: has.ledger,
      ledger,
      target: ledger,
      lacks,
      historyMissing: !has.events,
      open,
    };
  }
}

/** What claims to run and is not known to be dead may still be written to. */
const isLive = ({ state, effective }: SessionRecord): boolean =>
  effective === "running" || (state === "running" && effective !== "dead");

class Reading implements LedgerReading {
  readonly #reader: EventsReader;
  readonly #home: Home;
  readonly #session: SessionRecord;

  constructor(reader: EventsReader, home: Home, session: SessionRecord) {
    this.#reader = reader;
    this.#home = home;
    this.#session = session;
  }

  async count(): Promise<number> {
    let count = 1;
    for await (const block of this.#blocks()) count += block.count;
    return count;
  }

  async *content(): AsyncGenerator<Buffer> {
    yield Buffer.from(headOf(this.#session));
    const prefix = recordStart(this.#home);
    for await (const block of this.#blocks()) {
      const lines: Buffer[] = [];
      for (const line of splitLines([asBuffer(block.bytes)])) lines.push(ledgerLine(line, prefix, this.#session.id));
      yield Buffer.concat(lines);
    }
  }

  async compare(path: string): Promise<Comparison> {
    using file = openLedger(path);
    const ledger = splitLines(readChunks(file));
    const own = this.#lines();
    const [ledgerHead, head] = [ledger.next(), (await own.next()).value as Buffer];
    const moved = !ledgerHead.done && !ledgerHead.value.equals(head) && isMoved(ledgerHead.value, head);
    if (ledgerHead.done || (!ledgerHead.value.equals(head) && !moved)) {
      return {
        verdict: "differs",
        lines: ledgerHead.done ? 0 : 1,
        events: (await this.count()) - 1,
        first_difference: 1,
      };
    }
    return await this.#compareEvents(ledger, own, moved ? { ended_at: true as const } : {});
  }

  // A finished run's rows are not written again; a row that came meanwhile is in the next comparison.
  unchanged(): boolean {
    return true;
  }

  [Symbol.dispose](): void {}

  async #compareEvents(
    ledger: Iterator<Buffer>,
    own: AsyncIterator<Buffer>,
    facts: Pick<Comparison, "ended_at">,
  ): Promise<Comparison> {
    for (let lines = 1; ; lines++) {
      const [mine, theirs] = [ledger.next(), await own.next()];
      if (!mine.done && !theirs.done && mine.value.equals(theirs.value as Buffer)) continue;
      const rest = await lengthOf(own);
      const events = lines - 1 + (theirs.done ? 0 : 1 + rest);
      if (mine.done) {
        const verdict = !theirs.done ? "prefix" : facts.ended_at ? "ended_at" : "equal";
        return { verdict, lines, events, ...facts };
      }
      if (theirs.done && lines === 1) return { verdict: "purged", lines: 2 + restOf(ledger), events: 0, ...facts };
      return { verdict: "differs", lines: lines + 1, events, first_difference: lines + 1, ...facts };
    }
  }

  async *#lines(): AsyncGenerator<Buffer> {
    for await (const piece of this.content()) yield* splitLines([piece]);
  }

  async *#blocks(): AsyncGenerator<Block> {
    for await (const item of this.#reader.events(this.#session.id, {})) {
      yield item instanceof Block ? item : new Block(Buffer.from(encode(item)), 1);
    }
  }
}

async function lengthOf(lines: AsyncIterator<Buffer>): Promise<number> {
  let count = 0;
  while (!(await lines.next()).done) count++;
  return count;
}

function restOf(lines: Iterator<Buffer>): number {
  let count = 0;
  while (!lines.next().done) count++;
  return count;
}

const END = /,"ended_at":(?:"[^"\\]*"|null)\}\n$/;

/** The same head but for when it ended: a runtime touches its sessions again. */
const isMoved = (ledgerHead: Buffer, own: Buffer): boolean =>
  END.test(ledgerHead.toString()) && ledgerHead.toString().replace(END, "") === own.toString().replace(END, "");

/** The first line: whose history it is, in the words of AGH's ledgers. */
function headOf({ runtime, id, agent_name, parent_session_id, created_at, updated_at }: SessionRecord): string {
  const head = {
    type: "ledger_meta",
    version: 1,
    runtime,
    session_id: id,
    ...(parent_session_id && { spawn_parent_id: parent_session_id }),
    ...(agent_name && { agent_name }),
    started_at: created_at,
    ended_at: updated_at,
  };
  return `${JSON.stringify(head)}\n`;
}

/** What stands before a record's id. */
const recordStart = ({ runtime, place }: Home): string =>
  `${JSON.stringify({ kind: "event", runtime, home: place }).slice(0, -1)},`;

const SEQUENCE = /^"id":"(?:[^"\\]|\\.)*","session_id":"(?:[^"\\]|\\.)*","sequence":("?-?\d+"?),/;
/** Enough for what stands before an event's content. */
const HEAD_BYTES = 8192;

/** The record goes over as bytes, all but where it was read from: no number is rounded, no key moved. */
function ledgerLine(record: Buffer, prefix: string, sessionId: string): Buffer {
  const start = Buffer.byteLength(prefix);
  const sequence = SEQUENCE.exec(record.toString("latin1", start, start + HEAD_BYTES))?.[1];
  if (sequence === undefined) throw placeError("E_BAD_EVENT", `an event of ${sessionId} has no sequence`);
  const head = lineStart(sessionId, sequence);
  return Buffer.concat([Buffer.from(head), record.subarray(start, -1), Buffer.from("}\n")]);
}

const lineStart = (sessionId: string, sequence: string): string =>
  `{"type":"session_event","version":1,"session_id":${JSON.stringify(sessionId)},"sequence":${sequence},"event":{`;

const LINE = /^\{"type":"session_event","version":1,"session_id":"(?:[^"\\]|\\.)*","sequence":"?-?\d+"?,"event":\{/;

function* eventsIn({ path, home, sessionId }: LedgerOf): Generator<Block> {
  using file = openLedger(path);
  const prefix = Buffer.from(recordStart(home));
  let number = 0;
  for (const line of splitLines(readChunks(file))) {
    if (++number === 1) {
      assertHead(home.runtime, line, path, sessionId);
      continue;
    }
    const start = LINE.exec(line.toString("latin1", 0, HEAD_BYTES))?.[0].length;
    if (start === undefined || !isClosed(line)) throw notALedger(path, `line ${number} is not a session_event`);
    yield new Block(Buffer.concat([prefix, line.subarray(start, -3), Buffer.from("}\n")]), 1);
  }
  if (number === 0) assertHead(home.runtime, undefined, path, sessionId);
}

/** A cut or edited line would break the stream of records for whoever reads it. */
function isClosed(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return line.subarray(-3).toString() === "}}\n";
  } catch {
    return false;
  }
}

function assertHead(runtime: string, line: Buffer | undefined, path: string, sessionId: string): void {
  const head = parsed(line?.toString() ?? "");
  if (head?.["type"] !== "ledger_meta" || head["runtime"] !== runtime) {
    throw notALedger(path, `its first line is not a ledger_meta record of ${runtime}`);
  }
  if (head["version"] !== 1) {
    const message = `${path} has version ${JSON.stringify(head["version"])}; this version knows 1`;
    throw placeError("E_LEDGER_VERSION", message, "install a newer agh-toolkit");
  }
  if (head["session_id"] !== sessionId) {
    const message = `${path} is the ledger of ${JSON.stringify(head["session_id"])}, not of ${sessionId}`;
    throw placeError("E_LEDGER_OF_ANOTHER", message, "it was copied or moved here");
  }
}

const notALedger = (path: string, why: string): Error =>
  placeError("E_NOT_A_LEDGER", `${path} is not a ledger of agh-ledger: ${why}`, `head -c 300 ${path}`);

function parsed(line: string): { readonly [key: string]: unknown } | undefined {
  try {
    return JSON.parse(line) as { readonly [key: string]: unknown };
  } catch {
    return undefined;
  }
}
