// Limits how many items are yielded.

/** At most `limit` items; all of them where there is no limit. */
export async function* limit<T>(items: AsyncIterable<T>, count: number | undefined): AsyncGenerator<T> {
  let left = count ?? Number.POSITIVE_INFINITY;
  for await (const item of items) {
    yield item;
    if (--left <= 0) return;
  }
}
