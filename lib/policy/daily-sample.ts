// A part of many things that is another one every day, so that after some days all have had their turn.
import { usageError } from "../records/error.ts";

/** `5%` as a fraction. */
export function parsePercentage(text: string): number {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  const fraction = Number(percent) / 100;
  if (percent === undefined || !(fraction > 0 && fraction <= 1)) {
    throw usageError(`'${text}' is not a percentage`, "write it as 5%");
  }
  return fraction;
}

const DAY_MS = 86_400_000;

/**
 * Whether it is the turn of what bears this digest (hex). With 5 % there are 20 turns, one a UTC day; whoever looks once
 * a week meets all of them as well.
 */
export function dailySample(fraction: number, now: Date): (digest: string) => boolean {
  let turns = Math.ceil(1 / fraction - 1e-9);
  if (turns % 7 === 0) turns++;
  const today = Math.floor(now.getTime() / DAY_MS) % turns;
  return (digest) => Number.parseInt(digest.slice(0, 8), 16) % turns === today;
}
