// Two listings side by side: the lines of those pages that are not in both.
import {
  compareLines,
  decodeListingLine,
  decodePage,
  type ListingLine,
  type PageRef,
} from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readPageRefs } from "../../formats/repository/snapshots.ts";

/** A listing, wherever its pages are. */
export interface PagedListing {
  readonly refs: readonly PageRef[];
  read(sha256: string): Promise<Buffer>;
}

export async function openListing(repo: Repository, manifest: Manifest): Promise<PagedListing> {
  const refs = await readPageRefs(repo, manifest);
  return { refs, read: (sha256) => repo.chunk(sha256) };
}

type LinePair = readonly [before: ListingLine | undefined, after: ListingLine | undefined];

/** In the order of the listing; lines that are the same in both may be among them. */
export async function* pairLines(before: PagedListing, after: PagedListing): AsyncGenerator<LinePair> {
  const [mine, theirs] = [linesBeside(before, after), linesBeside(after, before)];
  let [left, right] = [await next(mine), await next(theirs)];
  while (left || right) {
    const order = !left ? 1 : !right ? -1 : compareLines(left, right);
    yield [order <= 0 ? left : undefined, order >= 0 ? right : undefined];
    if (order <= 0) left = await next(mine);
    if (order >= 0) right = await next(theirs);
  }
}

/** The lines of the pages that the other listing does not have as well. */
async function* linesBeside(listing: PagedListing, other: PagedListing): AsyncGenerator<ListingLine> {
  const shared = new Set(other.refs.map(({ sha256 }) => sha256));
  for (const { sha256 } of listing.refs) {
    if (!shared.has(sha256)) yield* decodePage(await listing.read(sha256)).map(decodeListingLine);
  }
}

async function next(lines: AsyncGenerator<ListingLine>): Promise<ListingLine | undefined> {
  const { value, done } = await lines.next();
  return done ? undefined : value;
}
