// A list of numbers in short form: runs and steps, for the calendars of cron and systemd.

export interface ValueSpan {
  readonly from: number;
  /** Included. */
  readonly to: number;
  readonly step: number;
}

/** Spans that together are the ascending `values`, none of which is above `high`. A span with a step ends at `high`. */
export function spansOf(values: readonly number[], high: number): ValueSpan[] {
  const [first, second] = values;
  if (first !== undefined && second !== undefined && values.length >= 3) {
    const step = second - first;
    const even = values.every((value, index) => value === first + index * step);
    if (step > 1 && even && values.at(-1)! + step > high) return [{ from: first, to: high, step }];
  }
  return runs(values);
}

function runs(values: readonly number[]): ValueSpan[] {
  const found: { from: number; to: number; step: number }[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last && last.to === value - 1) last.to = value;
    else found.push({ from: value, to: value, step: 1 });
  }
  return found;
}
