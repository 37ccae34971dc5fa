// The first of many.

/** At most `limit` items; all of them where there is no limit. */
export async function* take<T>(items: AsyncIterable<T>, limit: number | undefined): AsyncGenerator<T> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const item of items) {
    yield item;
    if (--left <= 0) return;
  }
}
