// What differs between two snapshots, path by path; of databases also how far their events go.
import {
  compareLines,
  decodeListingLine,
  decodePage,
  type ListingLine,
  type PageRef,
} from "../formats/repository/listing.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../formats/repository/repository.ts";
import { isMoving, readPageRefs, resolveSnapshot, type SnapshotFilter } from "../formats/repository/snapshots.ts";
import { ulid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { Diff } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";

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
  for await (const diff of differences(repo, a, b)) {
    deps.signal.throwIfAborted();
    tally.failed(EXIT.found);
    yield diff;
  }
  yield tally.summary(tally.exit === EXIT.found ? { status: "ok" } : {});
}

async function* differences(repo: Repository, a: Manifest, b: Manifest): AsyncGenerator<Diff> {
  const [before, after] = [await readPageRefs(repo, a), await readPageRefs(repo, b)];
  const [mine, theirs] = [linesBeside(repo, before, after), linesBeside(repo, after, before)];
  let [left, right] = [await next(mine), await next(theirs)];
  while (left || right) {
    const order = !left ? 1 : !right ? -1 : compareLines(left, right);
    if (order < 0) yield diffOf(left!, undefined);
    else if (order > 0) yield diffOf(undefined, right!);
    else if (!isSame(left!, right!)) yield diffOf(left!, right!);
    if (order <= 0) left = await next(mine);
    if (order >= 0) right = await next(theirs);
  }
}

/** The lines of the pages that the other snapshot does not have as well. */
async function* linesBeside(
  repo: Repository,
  pages: readonly PageRef[],
  others: readonly PageRef[],
): AsyncGenerator<ListingLine> {
  const shared = new Set(others.map(({ sha256 }) => sha256));
  for (const { sha256 } of pages) {
    if (!shared.has(sha256)) yield* decodePage(await repo.chunk(sha256)).map(decodeListingLine);
  }
}

async function next(lines: AsyncGenerator<ListingLine>): Promise<ListingLine | undefined> {
  const { value, done } = await lines.next();
  return done ? undefined : value;
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
