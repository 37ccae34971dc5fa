// Brings one session of a snapshot into a home whose sessions are rows of one database.
import type { Manifest } from "../formats/manifest.ts";
import type { Repository } from "../formats/repository.ts";
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import { exclusively } from "../places/exclusive.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { placeError, refusal } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Archival } from "../sources/archival.ts";
import { countsOf } from "../sources/owned-rows.ts";

export interface RestoreRows {
  readonly repo: Repository;
  readonly manifest: Manifest;
  readonly place: OpenPlace;
  /** Full id, or a unique prefix. */
  readonly session?: string | undefined;
  readonly only: readonly string[];
  readonly replace: boolean;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `action`, planned or done, the `session`, and a `summary`. What would be overwritten is refused (4). */
export async function* restoreRows(options: RestoreRows, tally: Tally, deps: Deps): AsyncGenerator<AnyRecord> {
  assertOneSession(options);
  const { repo, manifest, place, apply, lockTimeoutMs } = options;
  const { home } = place;
  const archival = await place.source.archival!();
  using from = await openPlace(`backup:${repo.url}@${manifest.id}`, { runtime: manifest.runtime }, deps);
  const id = await idOf(from, options.session!, deps);
  const rows = rowsOf(archival, from, id, deps);
  const action = actionOf(options, id, rows);
  if (isThere(archival, place, { id, rows }, deps)) {
    for await (const session of place.source.sessions(home, { ids: [id] }, deps)) yield session;
    return yield tally.summary({ unchanged: 1 });
  }
  tally.done(action.bytes);
  if (!apply) {
    yield action;
    return yield tally.summary({ status: "planned" });
  }
  await exclusively({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () => {
    if (!isThere(archival, place, { id, rows }, deps)) archival.put(home, new Map([[id, rows]]), deps);
  });
  yield { ...action, state: "done" };
  for await (const session of place.source.sessions(home, { ids: [id] }, deps)) yield session;
  yield tally.summary();
}

function assertOneSession({ session, only, replace, place: { home } }: RestoreRows): void {
  if (session === undefined || only.length > 0) {
    const message = `all sessions of ${home.place} are in one database, which is in use: --into brings one of them back`;
    throw refusal("E_CANNOT", message, "--session ID, or the whole into another directory: --to DIR");
  }
  if (replace) {
    const message = `a session of ${home.runtime} is not replaced: one that is there stays as it is`;
    throw refusal("E_CANNOT", message, "agh-vacuum puts it into the trash first");
  }
}

async function idOf({ home, source }: OpenPlace, typed: string, deps: Deps): Promise<string> {
  for await (const { id } of source.sessions(home, { ids: [typed] }, deps)) return id;
  throw placeError(
    "E_NO_SESSION",
    `${home.place} holds no session '${typed}'`,
    `agh-inspect sessions --home ${home.place}`,
  );
}

/** As they were, but for a lock: nobody holds what was restored. */
function rowsOf(archival: Archival, { home }: OpenPlace, id: string, deps: Deps): RowsFile {
  const rows = decodeRows(Buffer.from(archival.take(home, id, deps).lines));
  if (rows.rows.length > 0) return archival.released?.(rows) ?? rows;
  throw refusal("E_NO_ROWS", `session ${id} has no rows in ${home.place}, only files`, "--to DIR lays them out");
}

/** Whether the very same rows are there. Throws (4) when others are. */
function isThere(
  archival: Archival,
  { home }: OpenPlace,
  { id, rows }: { readonly id: string; readonly rows: RowsFile },
  deps: Deps,
): boolean {
  const held = decodeRows(Buffer.from(archival.take(home, id, deps).lines));
  if (held.rows.length === 0) return false;
  const essence = (of: RowsFile): string => textOf(archival.essence?.(of) ?? of);
  if (essence(held) === essence(rows)) return true;
  throw refusal(
    "E_EXISTS",
    `session ${id} is in ${home.place}, and is not what the snapshot has`,
    `agh-inspect show ${id} --home ${home.place} tells what is there`,
  );
}

const textOf = ({ rows }: RowsFile): string =>
  JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));

function actionOf({ manifest, place: { home } }: RestoreRows, id: string, rows: RowsFile): Action {
  return {
    kind: "action",
    runtime: home.runtime,
    home: home.place,
    id,
    verb: "put-rows",
    subject: { session_id: id, snapshot: manifest.id, rows: countsOf(rows) },
    state: "planned",
    reason: "rows that are missing; none is changed",
    bytes: Buffer.byteLength(textOf(rows)),
  };
}
