// Instants with nanoseconds, in the two spellings AGH uses.

/** Seconds since 1970 and nanoseconds: both exact in a double. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

const lastSecond = { seconds: NaN, text: "" };

/** As both databases hold it: always nine digits. */
export function nineDigits(at: Instant): string {
  return `${secondText(at.seconds)}.${String(at.nanos).padStart(9, "0")}Z`;
}

/** As the JSON files hold it (RFC3339Nano): zeros at the end trimmed. */
export function trimmed(at: Instant): string {
  return trimTime(nineDigits(at));
}

/** RFC3339Nano of a nine-digit text. */
export function trimTime(text: string): string {
  return text.endsWith("0Z") ? text.replace(/\.?0*Z$/, "Z") : text;
}

export function later(at: Instant, nanos: number): Instant {
  const sum = at.nanos + nanos;
  return { seconds: at.seconds + Math.floor(sum / 1e9), nanos: sum % 1e9 };
}

export function instantOf(ms: number): Instant {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 };
}

function secondText(seconds: number): string {
  if (lastSecond.seconds !== seconds) {
    lastSecond.seconds = seconds;
    lastSecond.text = new Date(seconds * 1000).toISOString().slice(0, 19);
  }
  return lastSecond.text;
}
