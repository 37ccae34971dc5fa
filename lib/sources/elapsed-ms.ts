// Durations between the time stamps of runtimes, which carry nanoseconds.

const STAMP = /^(.+?T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;

/** Whole milliseconds from one stamp to another, rounded; null when either is no time stamp. */
export function elapsedMs(from: string, to: string): number | null {
  const [start, end] = [nanoseconds(from), nanoseconds(to)];
  if (start === undefined || end === undefined) return null;
  return Number((end - start + 500_000n) / 1_000_000n);
}

function nanoseconds(stamp: string): bigint | undefined {
  const [, seconds, fraction, zone] = STAMP.exec(stamp) ?? [];
  const at = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(at)) return undefined;
  return BigInt(at) * 1_000_000n + BigInt((fraction ?? "").padEnd(9, "0"));
}
