// What differs between two snapshots, path by path; of databases also how far their events go.
import type { ListingLine } from "../formats/repository/listing.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { isMoving, resolveSnapshot, type SnapshotFilter } from "../formats/repository/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { Diff } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { openListing, pairLines } from "./losses/pair-lines.ts";
import { reportFaults } from "./monitor/look-at-repository.ts";

export interface DiffSnapshots extends SnapshotFilter {
  readonly repo: string;
  readonly a: string;
  readonly b: string;
}

/** Yields a `diff` for each path (exit 1 when there is one) and a `summary`. A file whose time alone has changed does not differ. */
export async function* diffSnapshots(options: DiffSnapshots, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  // An id says by itself of which home it is: another home's may be compared.
  const resolve = (word: string): Promise<Manifest> => resolveSnapshot(repo, word, isMoving(word) ? options : {});
  const [a, b] = [await resolve(options.a), await resolve(options.b)];
  const tally = new Tally("agh-backup diff", deps, ulid(deps.now()));
  await reportFaults(repo, deps);
  for await (const diff of differences(repo, a, b)) {
    deps.signal.throwIfAborted();
    tally.failed(EXIT.found);
    yield diff;
  }
  yield tally.summary(tally.exit === EXIT.found ? { status: "ok" } : {});
}

async function* differences(repo: Repository, a: Manifest, b: Manifest): AsyncGenerator<Diff> {
  for await (const [before, after] of pairLines(await openListing(repo, a), await openListing(repo, b))) {
    if (!before || !after || !isSame(before, after)) yield diffOf(before, after);
  }
}

function isSame(a: ListingLine, b: ListingLine): boolean {
  if (a.type !== b.type || a.mode !== b.mode || a.size !== b.size || a.sha256 !== b.sha256) return false;
  if (a.database?.last_sequence !== b.database?.last_sequence) return false;
  return String(a.database?.wal?.chunks ?? "") === String(b.database?.wal?.chunks ?? "");
}

function diffOf(before: ListingLine | undefined, after: ListingLine | undefined): Diff {
  const { root, path } = (after ?? before)!;
  return {
    kind: "diff",
    id: path === "" ? root : `${root}/${path}`,
    change: !before ? "added" : !after ? "removed" : "changed",
    ...(before && { before: stateOf(before) }),
    ...(after && { after: stateOf(after) }),
  };
}

const stateOf = ({ type, size, mode, sha256, database }: ListingLine): object => ({
  type,
  mode,
  ...(size !== undefined && { size: size + (database?.wal?.size ?? 0) }),
  ...(sha256 !== undefined && { sha256 }),
  ...(database && { last_sequence: database.last_sequence }),
});
