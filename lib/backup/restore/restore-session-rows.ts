// Restores one session of a snapshot into a home whose sessions are rows of one database.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { decodeRows, type RowsFile } from "../../formats/archive/rows.ts";
import { withHomeLock } from "../../places/home-lock.ts";
import { openPlace, type OpenPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { placeError, refusal } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { Tally } from "../../records/summary.ts";
import type { Archival } from "../../sources/archival.ts";
import { countsOf } from "../../sources/owned-rows.ts";

export interface RestoreSessionRows {
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
export async function* restoreSessionRows(
  options: RestoreSessionRows,
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  assertOneSession(options);
  const { repo, manifest, place, apply, lockTimeoutMs } = options;
  const { home } = place;
  const archival = await place.source.archival!();
  using from = await openPlace(`backup:${repo.url}@${manifest.id}`, { runtime: manifest.runtime }, deps);
  const id = await findSessionId(from, options.session!, deps);
  const rows = readRows(archival, from, id, deps);
  const action = actionOf(options, id, rows);
  if (hasSameRows(archival, place, { id, rows }, deps)) {
    for await (const session of place.source.sessions(home, { ids: [id] }, deps)) yield session;
    return yield tally.summary({ unchanged: 1 });
  }
  tally.done(action.bytes);
  if (!apply) {
    yield action;
    return yield tally.summary({ status: "planned" });
  }
  await withHomeLock({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () => {
    if (!hasSameRows(archival, place, { id, rows }, deps)) archival.put(home, new Map([[id, rows]]), deps);
  });
  yield { ...action, state: "done" };
  for await (const session of place.source.sessions(home, { ids: [id] }, deps)) yield session;
  yield tally.summary();
}

function assertOneSession({ session, only, replace, place: { home } }: RestoreSessionRows): void {
  if (session === undefined || only.length > 0) {
    const message = `all sessions of ${home.place} are in one database, which is in use: --into restores a single session only`;
    throw refusal("E_CANNOT", message, "--session ID, or restore everything into another directory: --to DIR");
  }
  if (replace) {
    const message = `a session of ${home.runtime} is never replaced: an existing one stays unchanged`;
    throw refusal("E_CANNOT", message, "move it to the trash with agh-vacuum first");
  }
}

async function findSessionId({ home, source }: OpenPlace, typed: string, deps: Deps): Promise<string> {
  for await (const { id } of source.sessions(home, { ids: [typed] }, deps)) return id;
  throw placeError(
    "E_NO_SESSION",
    `${home.place} holds no session '${typed}'`,
    `agh-inspect sessions --home ${home.place}`,
  );
}

/** As they were, but for a lock: nobody holds what was restored. */
function readRows(archival: Archival, { home }: OpenPlace, id: string, deps: Deps): RowsFile {
  const rows = decodeRows(Buffer.from(archival.readRows(home, id, deps).lines));
  if (rows.rows.length > 0) return archival.withoutLocks?.(rows) ?? rows;
  throw refusal("E_NO_ROWS", `session ${id} has no rows in ${home.place}, only files`, "--to DIR restores the files");
}

/** Whether the very same rows are there. Throws (4) when others are. */
function hasSameRows(
  archival: Archival,
  { home }: OpenPlace,
  { id, rows }: { readonly id: string; readonly rows: RowsFile },
  deps: Deps,
): boolean {
  const existing = decodeRows(Buffer.from(archival.readRows(home, id, deps).lines));
  if (existing.rows.length === 0) return false;
  const essence = (of: RowsFile): string => textOf(archival.comparableRows?.(of) ?? of);
  if (essence(existing) === essence(rows)) return true;
  throw refusal(
    "E_EXISTS",
    `session ${id} exists in ${home.place} and differs from the snapshot`,
    `agh-inspect show ${id} --home ${home.place} shows the existing session`,
  );
}

const textOf = ({ rows }: RowsFile): string =>
  JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));

function actionOf({ manifest, place: { home } }: RestoreSessionRows, id: string, rows: RowsFile): Action {
  return {
    kind: "action",
    runtime: home.runtime,
    home: home.place,
    id,
    verb: "put-rows",
    subject: { session_id: id, snapshot: manifest.id, rows: countsOf(rows) },
    state: "planned",
    reason: "missing rows are added; existing rows are not changed",
    bytes: Buffer.byteLength(textOf(rows)),
  };
}
