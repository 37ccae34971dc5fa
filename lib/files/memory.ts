// Keeps the garbage small: buffers are memory that V8 does not count in time, and its nursery grows for speed.
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const EVERY = 32 << 20;
/** What making a buffer leaves behind beside its bytes: handles of zlib, for the most part. */
const ASIDE = 16 << 10;

/** Call it with the bytes of each buffer made: a collection runs every 32 MiB, or so many bytes. */
export function createCollector(every = EVERY): (bytes: number) => void {
  let made = 0;
  return (bytes) => {
    made += bytes + ASIDE;
    if (made < every) return;
    made = 0;
    collectGarbage();
  };
}

let collect: ((options: { readonly type: "major" }) => void) | undefined;

/** A collection, now. */
export function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as typeof collect;
  }
  collect!({ type: "major" });
}

/** The nursery of this thread and of those to come stays as it is now instead of growing to 48 MB. */
export function limitSemiSpace(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** For a lone thread whose objects live for a moment: call it now and then; the nursery grows to `most` bytes, not to 48 MB. */
export function createSemiSpaceLimiter(most: number): () => void {
  let factor = 0;
  return () => {
    const nursery = getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space");
    const nextFactor = (nursery?.space_size ?? most) < most ? 2 : 1;
    if (nextFactor !== factor) setFlagsFromString(`--semi-space-growth-factor=${(factor = nextFactor)}`);
  };
}

/**
 * For work with several threads: the nursery of each stays as it is now (1 MB for those that are started later) instead
 * of growing to 48 MB, and what has outlived it is collected when it has grown by a fifth. Costs a lone thread a fifth
 * of its time, so it is for teams.
 */
export function limitHeap(): void {
  limitSemiSpace();
  setFlagsFromString("--heap-growing-percent=20");
}
