// Packs the sessions of one home, many at a time: each from one state of its files and rows, or not at all.
import { setTimeout as wait } from "node:timers/promises";
import { createCollector } from "../files/memory.ts";
import { toFileError } from "../files/errors.ts";
import { mapConcurrently } from "../policy/concurrency.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { HomeCustody, LocalSession } from "../sources/custody.ts";
import type { ArchivePool } from "./archive-pool.ts";
import { packContent, type Packed } from "./pack.ts";
import type { HomePutOptions, Pending } from "./put-home.ts";
import { RowReader } from "./row-reader.ts";

const TRIES = 5;
const BETWEEN_MS = 25;

/** Where files are made before they are put, and what messages call that place. */
export interface PackStage {
  readonly stage: string;
  readonly stageLabel: string;
}

export interface Skipped {
  readonly skipped: AnyRecord;
}

export type Skip = (session: SessionRecord, reason: string) => AnyRecord;

export class SessionPacker {
  readonly #options: HomePutOptions;
  readonly #pool: ArchivePool;
  readonly #skip: Skip;
  readonly #collect = createCollector();

  constructor(options: HomePutOptions, pool: ArchivePool, skip: Skip) {
    this.#options = options;
    this.#pool = pool;
    this.#skip = skip;
  }

  pack<P extends Pending>(pending: readonly P[], stage: PackStage): Promise<((Packed & P) | Skipped)[]> {
    const { custody, deps } = this.#options;
    const found = pending.map((one) => ({ one, local: inspectSession(custody, one.session) }));
    const reader = new RowReader(
      custody,
      found.flatMap(({ local }) => (typeof local === "string" ? [] : local)),
    );
    return mapConcurrently(found, this.#pool.concurrency, async ({ one, local }) => {
      deps.signal.throwIfAborted();
      this.#collect(one.session.events_bytes ?? 0);
      if (typeof local === "string") return { skipped: this.#skip(one.session, local) };
      const packed = await this.#tryPack(local, reader.read(local), stage);
      return "skipped" in packed ? packed : { ...one, ...packed };
    });
  }

  async #tryPack(
    local: LocalSession,
    rows: ReturnType<RowReader["read"]>,
    stage: PackStage,
  ): Promise<Packed | Skipped> {
    try {
      return await this.#packUntilSame(local, rows, stage);
    } catch (error) {
      const toolError = toFileError(stage.stageLabel, "write to", error);
      if (!(toolError instanceof ToolError) || toolError.exit !== EXIT.partial) throw toolError;
      return { skipped: this.#skip(local.session, toolError.message) };
    }
  }

  /** Throws E_BUSY (3) when the session is written to all the time. */
  async #packUntilSame(first: LocalSession, rows: ReturnType<RowReader["read"]>, stage: PackStage): Promise<Packed> {
    const { custody, versions, deps } = this.#options;
    const { runtime, root, id } = custody.home;
    const { session } = first;
    assertReadable(first);
    let [local, now] = [first, rows];
    for (let tries = 1; ; tries++) {
      const from = { home: { runtime, root, id }, session, partition: local.partition, ...packContent(local) };
      const packed = await this.#pool.pack({ ...from, ...now, versions, ...stage });
      if (packed) return packed;
      if (tries === TRIES) throw busy(session);
      await wait(BETWEEN_MS, undefined, { signal: deps.signal });
      local = custody.inspect(session) ?? local;
      now = new RowReader(custody, [local]).read(local);
    }
  }
}

/** Throws (3) where a part of the session cannot be read: an archive without it would pass for all of it. */
function assertReadable({ unexpected }: LocalSession): void {
  const broken = unexpected.find(({ code }) => code !== undefined);
  if (!broken) return;
  const message = `${broken.path} cannot be archived: ${broken.reason}`;
  throw new ToolError({ code: `E_${broken.code}`, message, hint: "agh-inspect paths", exit: EXIT.partial });
}

/** Why there is nothing to archive, in words: one session that cannot be looked at does not stop the others. */
export function inspectSession(custody: HomeCustody, session: SessionRecord): LocalSession | string {
  try {
    return custody.inspect(session) ?? "it has no files and no rows here";
  } catch (error) {
    const { path } = error as { readonly path?: unknown };
    const refused = toFileError(typeof path === "string" ? path : "its files", "read", error);
    if (refused instanceof ToolError) return refused.message;
    throw error;
  }
}

export const busy = ({ id }: SessionRecord): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `session ${id} is written to while it is read`,
    hint: "run it again when the session is idle",
    exit: EXIT.partial,
  });
