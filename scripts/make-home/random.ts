// Numbers, ids and picks that are the same for the same seed.
const HEX = Array.from({ length: 65536 }, (_, n) => n.toString(16).padStart(4, "0"));
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export interface Random {
  /** An unsigned 32-bit integer. */
  next(): number;
  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number;
  /** Lower-case hexadecimal digits; `digits` is a multiple of 4. */
  hex(digits: number): string;
  pick<T>(from: readonly T[]): T;
}

/** A stream of its own for each (seed, name): what one part draws never shifts another part. */
export function randomOf(seed: number, name: string): Random {
  const next = sfc32(mix(seed, `${name}/a`), mix(seed, `${name}/b`), mix(seed, `${name}/c`));
  const below = (limit: number): number => Math.floor((next() / 4294967296) * limit);
  const hex = (digits: number): string => {
    let text = "";
    for (let left = digits; left > 0; left -= 4) text += HEX[next() >>> 16];
    return text;
  };
  return { next, below, hex, pick: (from) => from[below(from.length)]! };
}

/** 26 Crockford characters: ten of time, sixteen drawn. */
export function ulid(random: Random, ms: number): string {
  let time = "";
  for (let left = ms, i = 0; i < 10; i++, left = Math.floor(left / 32)) time = CROCKFORD[left % 32] + time;
  return time + Array.from({ length: 16 }, () => CROCKFORD[random.below(32)]).join("");
}

function mix(seed: number, text: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

function sfc32(a: number, b: number, c: number): () => number {
  let d = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
