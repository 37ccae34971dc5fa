// The verb `show`: everything about one session, each part a record of its own kind.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { belowRoot, walk } from "../files/walk.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { LedgerRecord } from "../records/toolkit-kinds.ts";
import type { Item } from "../records/record.ts";
import type { PathRecord, SessionRecord } from "../records/runtime-kinds.ts";
import { openSettled } from "../sources/agh/events/each-session.ts";
import { findEventsDir } from "../sources/agh/events/stream-events.ts";
import { countEventTypes } from "../sources/agh/events/event-types.ts";
import { loadHistory } from "../sources/agh/events/history.ts";
import { listSessionFiles } from "../sources/agh/sessions/session-files.ts";
import { readTombstone } from "../sources/agh/custody/tombstone.ts";
import type { Root } from "../sources/source.ts";
import { listDetails } from "./details.ts";
import { pathRecord } from "./paths.ts";
import { countTypes, findLedger, listSessionPaths } from "./show-rows.ts";
import type { InspectPlace } from "./sessions.ts";
import { usage } from "./usage/usage.ts";

/** `session`, `tombstone`, `path`, `ledger`, `usage`, `failure` and `vault_ref` records of the one session that is named. */
export async function* show(options: InspectPlace, name: string, deps: Deps): AsyncGenerator<Item> {
  const where = { ...options, only: [name] };
  using place = await openPlace(where.home, where, deps);
  const { home, source } = place;
  if (home.runtime !== "agh") return yield* showRows(place, where, name, deps);
  for await (const session of source.sessions(home, { ids: [name], lastEvents: true }, deps)) {
    const { id } = session;
    const event_types = await readEventTypes(place, session, deps);
    yield orderKeys({ ...session, event_types });
    const tombstone = readTombstone(home, id);
    if (tombstone) yield tombstone;
    yield* fileRecords(place, id, deps);
    const sessions = { ids: [id] };
    if (event_types !== undefined) {
      yield* usage(where, { sessions, by: ["session"], zone: "UTC", rollup: false, limit: undefined }, deps);
    }
    const failed = { ...sessions, failures: [session.failure?.kind ?? ""] };
    yield* listDetails(where, "failure", { sessions: failed, limit: 1 }, deps);
    if (session.has.row) yield* listDetails(where, "vault_ref", { sessions }, deps);
  }
}

async function* showRows(place: OpenPlace, where: InspectPlace, name: string, deps: Deps): AsyncGenerator<Item> {
  const { home, source } = place;
  for await (const session of source.sessions(home, { ids: [name], lastEvents: true }, deps)) {
    const { id } = session;
    yield orderKeys({ ...session, event_types: await countTypes(place, session, deps) });
    yield* listSessionPaths(place, session, deps);
    const ledger = session.has.ledger ? await findLedger(place, id, deps) : undefined;
    if (ledger !== undefined) yield* readLedgerRecord(place, id, ledger);
    const sessions = { ids: [id] };
    yield* usage(where, { sessions, by: ["session"], zone: "UTC", rollup: false, limit: undefined }, deps);
    if (source.can.has("failure")) yield* listDetails(where, "failure", { sessions, limit: 1 }, deps);
  }
}

type EventTypes = ReturnType<typeof countEventTypes>;

async function readEventTypes({ home }: OpenPlace, { id }: SessionRecord, deps: Deps): Promise<EventTypes | undefined> {
  const dir = findEventsDir(home, id);
  if (dir === undefined) return undefined;
  const history = await loadHistory(home, deps);
  try {
    using reading = openSettled(() => history.open(dir, id), deps);
    return countEventTypes(reading.db);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return undefined;
  }
}

async function* fileRecords(place: OpenPlace, id: string, deps: Deps): AsyncGenerator<PathRecord | LedgerRecord> {
  const { paths, ledger } = await listSessionFiles(place.home, id, deps);
  const roots = await place.source.roots(place.home, deps);
  for (const top of paths) {
    for (const found of walk(top)) {
      const path = belowRoot(top, found.path);
      const root = roots.find(({ dir }) => path.startsWith(`${dir}/`)) ?? { name: "home", dir: place.home.root };
      yield pathRecord(place, root, { ...found, path: relativeTo(root, path) });
    }
  }
  if (ledger !== undefined) yield* readLedgerRecord(place, id, ledger);
}

const relativeTo = ({ dir }: Root, path: string): string => path.slice(dir.length + 1);

async function* readLedgerRecord({ home }: OpenPlace, id: string, path: string): AsyncGenerator<LedgerRecord> {
  const hash = createHash("sha256");
  let [bytes, lines] = [0, 0];
  try {
    for await (const chunk of createReadStream(osPath(path)) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // an empty ledger directory
    throw error;
  }
  const sha256 = hash.digest("hex");
  yield { kind: "ledger", runtime: home.runtime, home: home.place, id, session_id: id, path, bytes, lines, sha256 };
}
