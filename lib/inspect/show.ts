// The verb `show`: everything about one session, each part a record of its own kind.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { belowRoot, walk } from "../files/walk.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { documented } from "../records/documented.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { LedgerRecord } from "../records/made.ts";
import type { Item } from "../records/record.ts";
import type { PathRecord, SessionRecord } from "../records/things.ts";
import { openSettled } from "../sources/agh/each-session.ts";
import { eventsDir } from "../sources/agh/events.ts";
import { eventTypes } from "../sources/agh/event-types.ts";
import { historyOf } from "../sources/agh/history.ts";
import { sessionFiles } from "../sources/agh/session-files.ts";
import { tombstoneOf } from "../sources/agh/tombstone.ts";
import type { Root } from "../sources/source.ts";
import { failures } from "./failures.ts";
import { pathRecord } from "./paths.ts";
import { countTypes, ledgerPath, pathsOf } from "./show-rows.ts";
import type { Where } from "./sessions.ts";
import { usage } from "./usage.ts";
import { vault } from "./vault.ts";

/** `session`, `tombstone`, `path`, `ledger`, `usage`, `failure` and `vault_ref` records of the one session that is named. */
export async function* show(given: Where, name: string, deps: Deps): AsyncGenerator<Item> {
  const where = { ...given, only: [name] };
  using place = await openPlace(where.home, where, deps);
  const { home, source } = place;
  if (home.runtime !== "agh") return yield* showRows(place, where, name, deps);
  for await (const session of source.sessions(home, { ids: [name], lastEvents: true }, deps)) {
    const { id } = session;
    const event_types = await typesOf(place, session, deps);
    yield documented({ ...session, event_types });
    const tombstone = tombstoneOf(home, id);
    if (tombstone) yield tombstone;
    yield* filesOf(place, id, deps);
    const sessions = { ids: [id] };
    if (event_types !== undefined) {
      yield* usage(where, { sessions, by: ["session"], zone: "UTC", rollup: false, limit: undefined }, deps);
    }
    yield* failures(where, { sessions: { ...sessions, failures: [session.failure?.kind ?? ""] }, limit: 1 }, deps);
    if (session.has.row) yield* vault(where, { sessions, namespaces: [], limit: undefined }, deps);
  }
}

async function* showRows(place: OpenPlace, where: Where, name: string, deps: Deps): AsyncGenerator<Item> {
  const { home, source } = place;
  for await (const session of source.sessions(home, { ids: [name], lastEvents: true }, deps)) {
    const { id } = session;
    yield documented({ ...session, event_types: await countTypes(place, session, deps) });
    yield* pathsOf(place, session, deps);
    const ledger = session.has.ledger ? await ledgerPath(place, id, deps) : undefined;
    if (ledger !== undefined) yield* ledgerRecord(place, id, ledger);
    const sessions = { ids: [id] };
    yield* usage(where, { sessions, by: ["session"], zone: "UTC", rollup: false, limit: undefined }, deps);
    if (source.can.has("failure")) yield* failures(where, { sessions, limit: 1 }, deps);
  }
}

type EventTypes = ReturnType<typeof eventTypes>;

async function typesOf({ home }: OpenPlace, { id }: SessionRecord, deps: Deps): Promise<EventTypes | undefined> {
  const dir = eventsDir(home, id);
  if (dir === undefined) return undefined;
  const history = await historyOf(home, deps);
  try {
    using reading = openSettled(() => history.open(dir, id), deps);
    return eventTypes(reading.db);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return undefined;
  }
}

async function* filesOf(place: OpenPlace, id: string, deps: Deps): AsyncGenerator<PathRecord | LedgerRecord> {
  const { paths, ledger } = await sessionFiles(place.home, id, deps);
  const roots = await place.source.roots(place.home, deps);
  for (const top of paths) {
    for (const found of walk(top)) {
      const path = belowRoot(top, found.path);
      const root = roots.find(({ dir }) => path.startsWith(`${dir}/`)) ?? { name: "home", dir: place.home.root };
      yield pathRecord(place, root, { ...found, path: relativeTo(root, path) });
    }
  }
  if (ledger !== undefined) yield* ledgerRecord(place, id, ledger);
}

const relativeTo = ({ dir }: Root, path: string): string => path.slice(dir.length + 1);

async function* ledgerRecord({ home }: OpenPlace, id: string, path: string): AsyncGenerator<LedgerRecord> {
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
