// Archives stopped sessions: written, read back from where they were put, compared event by event, then receipted.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { collector, smallNursery } from "../files/collect.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { readReceipt } from "../formats/archive-reader.ts";
import { archiveKey, bytesOf, type Receipt } from "../formats/receipt.ts";
import { ulid } from "../formats/ulid.ts";
import { openAble } from "../places/at-home.ts";
import type { PlaceOptions } from "../places/source-of.ts";
import { atOnce } from "../policy/at-once.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError, usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/things.ts";
import { archiveDir } from "../sources/agh/layout.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { ArchiveTeam } from "./archive-team.ts";
import { gather } from "../places/session-parts.ts";
import type { Packed, Packing } from "./pack.ts";
import { changedSince } from "../places/changed-since.ts";
import { archiveRecord, planned, skipped } from "./records.ts";
import { receiptParcel } from "./receipt-parcel.ts";
import { RowsByTurn } from "./rows-by-turn.ts";
import { Shelf } from "./shelf.ts";
import { SessionHome } from "../places/session-home.ts";

export interface PutSessions {
  /** Homes, each with the sessions that are meant. */
  readonly from: readonly {
    readonly place: PlaceOptions & { readonly home?: string | undefined };
    readonly sessions: SessionFilter;
  }[];
  /** A directory or s3://; `session-archive` of each home unless given. */
  readonly to?: string | undefined;
  /** Version of the toolkit, for the receipts. */
  readonly toolkit: string;
  readonly dryRun?: boolean;
}

/** Yields an `archive` for each session that is archived now, an `action` for each that was skipped (3), and a `summary`. */
export async function* putSessions(options: PutSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive put", deps, ulid(deps.now()));
  let sameFileSystem = false;
  smallNursery(); // before the sessions are listed: threads may follow
  for (const { place, sessions } of options.from) {
    using opened = await openAble(place, "archive", deps);
    const { home, source } = opened;
    if (options.to === undefined && (!home.live || source.archival))
      throw usageError(`${home.place} cannot hold archives`, "--to DIR, or s3://BUCKET/PREFIX");
    const target = targetOf(options.to ?? archiveDir(home.root));
    sameFileSystem ||= isSameFileSystem(target, home.root);
    if (source.archival) {
      const { putRowSessions } = await import("./put-rows.ts");
      const archival = await source.archival();
      const put = {
        opened,
        archival,
        sessions,
        target,
        versions: versionsOf(options),
        dryRun: options.dryRun === true,
      };
      yield* putRowSessions(put, deps, tally);
      continue;
    }
    const from = await SessionHome.open(home, deps);
    const run = new Run({ options, target, from, tally, deps });
    const chosen: SessionRecord[] = [];
    for await (const session of source.sessions(home, sessions, deps)) chosen.push(session);
    yield* run.put(chosen);
  }
  if (sameFileSystem) deps.log.info("the archives lie on the file system of the home: they do not outlive it");
  yield tally.summary({
    ...(options.dryRun && { status: "planned" as const }),
    ...(sameFileSystem && { same_file_system: true }),
  });
}

const versionsOf = ({ toolkit }: PutSessions): Packing["versions"] => ({
  toolkit,
  sqlite: process.versions.sqlite ?? "",
});

function isSameFileSystem({ dir }: Target, root: string): boolean {
  if (dir === undefined) return false;
  for (let at = dir; ; at = dirname(at)) {
    const stat = statSync(osPath(at), { throwIfNoEntry: false });
    if (stat) return stat.dev === statSync(osPath(root)).dev;
  }
}

interface RunParts {
  readonly options: PutSessions;
  readonly target: Target;
  readonly from: SessionHome;
  readonly tally: Tally;
  readonly deps: Deps;
}

/** What is synced, put and read back together. */
const BATCH = 256;
const BATCH_BYTES = 1 << 30;

class Run {
  #parts: RunParts;
  #collect = collector();
  #total = 0;
  #done = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async *put(sessions: readonly SessionRecord[]): AsyncGenerator<AnyRecord> {
    const { options, target } = this.#parts;
    const wanted: SessionRecord[] = [];
    for (const session of sessions) {
      const record = await this.#judge(session);
      if (record) yield record;
      else wanted.push(session);
    }
    if (options.dryRun) {
      for (const session of wanted) yield this.#plan(session);
      return;
    }
    if (wanted.length === 0) return Shelf.tidy(target);
    this.#total = wanted.length;
    using shelf = new Shelf(target, this.#parts.deps);
    await using team = new ArchiveTeam(sizeOf(wanted), this.#parts.deps);
    for (const batch of batches(wanted)) yield* this.#batch(batch, shelf, team);
  }

  /** A record for a session that is skipped, or archived already; undefined for one that is to be archived. */
  async #judge(session: SessionRecord): Promise<AnyRecord | undefined> {
    const { from, target, tally } = this.#parts;
    const reason = from.reasonAgainst(session);
    if (reason !== undefined) return this.#skip(session, reason);
    let receipt: Receipt | undefined;
    try {
      receipt = await readReceipt(target, session.id);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== "E_RECEIPT_DAMAGED") throw error;
      return this.#skip(session, `${error.message}: move it away, then archive again`);
    }
    if (!receipt) return undefined;
    const changed = changedSince(receipt, gather(this.#placesOf(session)).files);
    const head = await target.head(archiveKey(session.id));
    if (head?.size !== receipt.archive!.bytes)
      return this.#skip(session, "its archive is not what its receipt says: agh-archive verify");
    if (changed.length > 0) {
      return this.#skip(
        session,
        `an earlier state of it is archived there (${changed.join(", ")} changed since): name another target`,
      );
    }
    tally.done();
    return { ...archiveRecord(target.url, receipt), status: "unchanged" };
  }

  #skip(session: SessionRecord, reason: string): AnyRecord {
    this.#parts.tally.failed(EXIT.partial);
    return skipped(session, this.#parts.target.url, reason);
  }

  #plan(session: SessionRecord): AnyRecord {
    const action = planned(session, this.#parts.target.url);
    this.#parts.tally.done(action.bytes);
    return action;
  }

  #placesOf({ id }: SessionRecord) {
    const { from } = this.#parts;
    const dir = from.directoryOf(id);
    if (dir === undefined) throw new Error(`session ${id} has lost its directory`);
    return { root: from.home.root, id, dir, bundles: from.bundlesOf(id), ...from.ledgerOf(id) };
  }

  async *#batch(sessions: readonly SessionRecord[], shelf: Shelf, team: ArchiveTeam): AsyncGenerator<AnyRecord> {
    const { target, tally, deps, from } = this.#parts;
    const stage = shelf.stage();
    const catalog = new RowsByTurn(
      from.home.root,
      sessions.map(({ id }) => id),
      deps,
    );
    const made = await atOnce(sessions, team.most, async (session) => {
      deps.signal.throwIfAborted();
      this.#collect(session.events_bytes ?? 0);
      return this.#tryPack(session, { ...catalog.take(session.id), stage }, team);
    });
    for (const it of made) if ("skipped" in it) yield it.skipped;
    const packed = made.filter((it) => "receipt" in it);
    await shelf.putArchives(
      packed.map(({ file, receipt }) => ({ key: archiveKey(receipt.session_id), file, ...receipt.archive! })),
    );
    await atOnce(packed, team.most, async ({ receipt }) => {
      deps.signal.throwIfAborted();
      this.#collect(bytesOf(receipt));
      await team.compare(target, receipt);
    });
    await shelf.putReceipts(packed.map(({ receipt }) => receiptParcel(receipt, stage)));
    for (const { receipt } of packed) {
      tally.done(receipt.archive!.bytes);
      yield { ...archiveRecord(target.url, receipt), status: "archived" };
    }
    this.#done += packed.length;
    deps.progress.update({ label: "archived", done: this.#done, total: this.#total, unit: "items" });
  }

  async #tryPack(
    session: SessionRecord,
    more: Pick<Packing, "rows" | "schema" | "stage">,
    team: ArchiveTeam,
  ): Promise<Packed | { skipped: AnyRecord }> {
    const { options, from } = this.#parts;
    const { runtime, root, id } = from.home;
    const versions = versionsOf(options);
    try {
      return await team.pack({ ...this.#placesOf(session), ...more, home: { runtime, root, id }, session, versions });
    } catch (error) {
      const trouble = fileTrouble(joinPath(more.stage, archiveKey(session.id)), "write", error);
      if (!(trouble instanceof ToolError) || trouble.exit !== EXIT.partial) throw trouble;
      return { skipped: this.#skip(session, trouble.message) };
    }
  }
}

const sizeOf = (sessions: readonly SessionRecord[]): number =>
  sessions.reduce((sum, { events_bytes }) => sum + (events_bytes ?? 0), 0);

function* batches(sessions: readonly SessionRecord[]): Generator<SessionRecord[]> {
  let batch: SessionRecord[] = [];
  let bytes = 0;
  for (const session of sessions) {
    batch.push(session);
    bytes += session.events_bytes ?? 0;
    if (batch.length < BATCH && bytes < BATCH_BYTES) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
