// Exports events as Parquet, partitioned by runtime and day; what was exported before is not exported again.
import { makeDirectories } from "../files/make-directories.ts";
import { joinPath } from "../files/os-path.ts";
import { scratchDir } from "../files/scratch.ts";
import { toFileError } from "../files/errors.ts";
import {
  addExportRun,
  EXPORT_FORMAT,
  listExportRuns,
  sessionKey,
  type ExportPart,
  type ExportRun,
} from "../formats/parquet/export-manifest.ts";
import { ulid } from "../formats/ulid.ts";
import { openPlace, type OpenPlace, type PlaceOptions } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { EventColumnsReader } from "../sources/event-columns.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { lockDatabase, type DatabaseLock } from "../sqlite/lock-database.ts";
import { EventParts } from "./event-parts.ts";

export interface ExportEvents {
  readonly from: readonly {
    readonly place: PlaceOptions & { readonly home?: string | undefined };
    readonly sessions: SessionFilter;
  }[];
  /** A directory or s3://. */
  readonly to: string;
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

/** Yields an `action` for each file that came to be, and a `summary` with `rows`, `sessions` and `odd`. */
export async function* exportEvents(options: ExportEvents, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive export", deps, ulid(deps.now()));
  const target = targetOf(options.to);
  using _lock = options.dryRun ? undefined : await lockOf(target, options.lockTimeoutMs, deps);
  const runs = await listExportRuns(target);
  const before = new Map(runs.flatMap(({ sessions }) => Object.entries(sessions)));
  // Beside the manifest of a directory, so that a rename publishes; what killed runs left there goes with the first look.
  using stage = scratchDir(target.dir === undefined ? deps.env : { TMPDIR: joinPath(target.dir, "_manifest") });
  const parts = options.dryRun ? undefined : await EventParts.open(stage.fresh());
  const done: { [key: string]: number | string } = {};
  for (const { place, sessions } of options.from) {
    using opened = await openPlace(place.home, place, deps);
    const columns = await openColumns(opened, deps);
    for await (const session of newSessions(opened, sessions, before, deps)) {
      const key = sessionKey(opened.home.id, session.id);
      if (!parts) yield planned(session, target);
      else done[key] = await exportSession(session, { columns, after: before.get(key), parts, deps });
    }
  }
  if (parts) yield* publish({ target, parts, runs, done, tally, deps });
  const counts = parts && { rows: parts.rows, sessions: Object.keys(done).length, odd: parts.rawRows };
  yield tally.summary({ ...(options.dryRun && { status: "planned" as const }), ...counts });
}

/** Buckets have no locks: there the manifest's number decides. */
async function lockOf({ dir }: Target, timeoutMs: number, { signal }: Deps): Promise<DatabaseLock | undefined> {
  if (dir === undefined) return undefined;
  const own = joinPath(dir, "_manifest");
  try {
    makeDirectories(own);
  } catch (error) {
    throw toFileError(own, "make", error);
  }
  return lockDatabase(joinPath(own, "lock.db"), { timeoutMs, signal });
}

async function openColumns({ home, source }: OpenPlace, deps: Deps): Promise<EventColumnsReader> {
  if (source.eventColumns) return source.eventColumns(home, deps);
  throw refusal("E_CANNOT", `${home.place} is a home of ${home.runtime}, which cannot be exported yet`);
}

/** Sessions that have events which are not exported yet. */
async function* newSessions(
  { home, source }: OpenPlace,
  filter: SessionFilter,
  before: ReadonlyMap<string, number | string>,
  deps: Deps,
): AsyncGenerator<SessionRecord> {
  for await (const session of source.sessions(home, { ...filter, lastEvents: true }, deps)) {
    deps.signal.throwIfAborted();
    const last = session.last_sequence;
    if (last === null || last === undefined) continue;
    const known = before.get(sessionKey(home.id, session.id));
    if (known === undefined || Number(known) < last) yield session;
    else if (Number(known) > last) logRewritten(session, known, deps);
  }
}

function logRewritten({ id }: SessionRecord, known: number | string, { log }: Deps): void {
  log.problem(
    new ToolError({
      code: "E_REWRITTEN",
      message: `session ${id} has fewer events than the ${known} that were exported: the session was cleared since`,
      hint: "export into a new target",
      exit: EXIT.partial,
    }),
  );
}

interface Exporting {
  readonly columns: EventColumnsReader;
  readonly after: number | string | undefined;
  readonly parts: EventParts;
  readonly deps: Deps;
}

/** Returns the last sequence. */
async function exportSession(
  session: SessionRecord,
  { columns, after, parts, deps }: Exporting,
): Promise<number | string> {
  let last = BigInt(after ?? Number.MIN_SAFE_INTEGER);
  for (const page of columns.pages(session, last)) {
    await parts.add(session.runtime, session.id, page);
    last = BigInt(page.sequence.at(-1) ?? last);
    deps.signal.throwIfAborted();
    deps.progress.update({ label: "events exported", done: parts.rows, unit: "items" });
  }
  return Number.isSafeInteger(Number(last)) ? Number(last) : String(last);
}

interface Publishing {
  readonly target: Target;
  readonly parts: EventParts;
  readonly runs: readonly ExportRun[];
  readonly done: ExportRun["sessions"];
  readonly tally: Tally;
  readonly deps: Deps;
}

/** Files before the manifest that lists them; what a killed run left is taken away. */
async function* publish({ target, parts, runs, done, tally, deps }: Publishing): AsyncGenerator<AnyRecord> {
  const written: ExportPart[] = [];
  for (const { key, part } of await parts.close()) {
    deps.signal.throwIfAborted();
    await target.put(key, { file: part.path });
    written.push({ key, rows: part.rows, bytes: part.bytes, sha256: part.sha256 });
  }
  if (target.dir !== undefined) await removeLitter(target, [...runs.flatMap((run) => run.parts), ...written]);
  if (Object.keys(done).length === 0) return;
  const number = (runs.at(-1)?.number ?? 0) + 1;
  await addExportRun(target, { format: EXPORT_FORMAT, number, as: "parquet", sessions: done, parts: written });
  for (const { key, rows, bytes } of written) {
    tally.done(bytes);
    yield {
      kind: "action",
      runtime: runtimeOf(key),
      id: key,
      verb: "export",
      subject: { target: target.url, rows },
      state: "done",
      bytes,
    };
  }
}

/** The files of a runtime lie below its name. */
const runtimeOf = (key: string): string => key.slice("runtime=".length, key.indexOf("/"));

const PART = /^runtime=[\w-]+\/day=[\w-]+\/part-[0-9a-f]{16}\.parquet$/;

async function removeLitter(target: Target, listed: readonly ExportPart[]): Promise<void> {
  const known = new Set(listed.map(({ key }) => key));
  const litter: string[] = [];
  for await (const { key } of target.list("")) if (PART.test(key) && !known.has(key)) litter.push(key);
  for (const key of litter) await target.delete(key);
}

function planned({ runtime, home, id, last_sequence: last }: SessionRecord, target: Target): AnyRecord {
  return {
    kind: "action",
    runtime,
    home,
    id,
    verb: "export",
    subject: { session_id: id, target: target.url, last_sequence: last },
    state: "planned",
  };
}
