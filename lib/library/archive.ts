// A target with archived sessions: put, listed, verified and brought back.
import type { ArchiveSelection } from "../archive/list-archives.ts";
import { version } from "../cli/manifest.ts";
import type { ArchiveRecord } from "../records/archive-kind.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Action, Finding } from "../records/result-kinds.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf } from "../targets/target.ts";
import type { ChangeOptions } from "./home-options.ts";
import { LOCK_TIMEOUT_MS } from "./home.ts";
import { iterate, type LibraryOptions } from "./options.ts";
import { act, check, type Outcome } from "./outcome.ts";
import { placeOf, type HomeOrPlace } from "./repository.ts";

export interface PutOptions extends LibraryOptions {
  readonly dryRun?: boolean;
}

/** Opens a directory, `s3://BUCKET/PREFIX`, or a target of a scheme that was registered. Nothing is read yet. */
export const openArchive = (url: string, options: LibraryOptions = {}): OpenArchive =>
  new OpenArchive(targetOf(url).url, options);

export class OpenArchive {
  readonly url: string;
  readonly #options: LibraryOptions;

  constructor(url: string, options: LibraryOptions) {
    this.url = url;
    this.#options = options;
  }

  /** Archives sessions of a home; nothing is removed from it. Those that may still be written to are skipped (3). */
  put(
    home: HomeOrPlace,
    sessions: SessionFilter = {},
    options: PutOptions = {},
  ): Promise<Outcome<ArchiveRecord | Action>> {
    return act(
      async (deps): Promise<AsyncIterable<AnyRecord>> => {
        const { putSessions } = await import("../archive/put.ts");
        const from = [{ place: placeOf(home), sessions }];
        return putSessions({ from, to: this.url, toolkit: version, dryRun: options.dryRun === true }, deps);
      },
      this.#options,
      options,
    );
  }

  /** Brings archived sessions back into a home; what would be overwritten refuses the whole (4). */
  get(
    home: HomeOrPlace,
    sessions: SessionFilter,
    options: ChangeOptions = {},
  ): Promise<Outcome<SessionRecord | Action>> {
    const { dryRun = false, lockTimeoutMs = LOCK_TIMEOUT_MS } = options;
    return act(
      async (deps): Promise<AsyncIterable<AnyRecord>> => {
        const { getSessions } = await import("../archive/get.ts");
        const from = [this.#selection(sessions)];
        return getSessions({ from, to: { runtime: undefined, ...placeOf(home) }, lockTimeoutMs, dryRun }, deps);
      },
      this.#options,
      options,
    );
  }

  /** The archived sessions, from their receipts alone. */
  list(sessions: SessionFilter = {}, options: LibraryOptions = {}): AsyncIterable<ArchiveRecord> {
    return iterate(
      async (deps) => {
        const { listArchiveRecords } = await import("../archive/list-archive-records.ts");
        return listArchiveRecords([this.#selection(sessions)], deps);
      },
      this.#options,
      options,
    );
  }

  /** Reads archives whole and compares them with their receipts: a finding for each fault. */
  verify(sessions: SessionFilter = {}, options: LibraryOptions = {}): Promise<Outcome<ArchiveRecord | Finding>> {
    return check(
      async (deps): Promise<AsyncIterable<AnyRecord>> => {
        const { verifyArchives } = await import("../archive/verify.ts");
        return verifyArchives([this.#selection(sessions)], deps);
      },
      this.#options,
      options,
    );
  }

  #selection({ ids, ...filter }: SessionFilter): ArchiveSelection {
    return { target: this.url, ids: ids ?? [], all: ids === undefined, filter };
  }
}
