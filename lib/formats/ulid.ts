// ULIDs: ids that sort by the time they were made.
import { randomBytes } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LARGEST_TIME = 2 ** 48 - 1;

export const isUlid = (text: string): boolean => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);

let last = { time: -1, tail: 0n };

/** A new ULID; within one millisecond (or a clock set back) of one process the next one sorts after the last. */
export function ulid(now: Date): string {
  const time = Math.min(Math.max(now.getTime(), 0), LARGEST_TIME);
  const tail = time === last.time ? last.tail + 1n : BigInt(`0x${randomBytes(10).toString("hex")}`) >> 1n;
  last = { time, tail };
  return base32(BigInt(time), 10) + base32(tail, 16);
}

/** The time within a ULID. */
export function ulidTime(id: string): Date {
  let time = 0;
  for (const digit of id.slice(0, 10)) time = time * 32 + DIGITS.indexOf(digit);
  return new Date(time);
}

function base32(value: bigint, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest >>= 5n) text = DIGITS[Number(rest & 31n)]! + text;
  return text;
}
