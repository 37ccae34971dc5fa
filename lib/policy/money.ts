// Exact sums of decimal amounts: 0.1 + 0.2 is 0.3 here.

const NANO = 1e9;

/** Amounts are counted in units of 10^-12 where 10^-9 does not hold them: finer than any price of a token. */
const SCALE = 12;

/** A sum that is exact to 10^-12. */
export class Money {
  /** Billionths, while every amount and their sum are whole ones that a number holds exactly. */
  #nanos = 0;
  #units = 0n;

  add(amount: number): void {
    const sum = this.#nanos + nanos(amount);
    if (Number.isSafeInteger(sum)) this.#nanos = sum;
    else this.#units += units(amount);
  }

  /** `amount` less `from`, exact. */
  static difference(amount: number, from: number): number {
    const nano = nanos(amount) - nanos(from);
    return Number.isSafeInteger(nano) ? nano / NANO : number(units(amount) - units(from));
  }

  get amount(): number {
    return this.#units === 0n ? this.#nanos / NANO : number(this.#units + BigInt(this.#nanos) * 1000n);
  }
}

/** Whole billionths; NaN where the amount is finer or larger than a number can count. */
function nanos(amount: number): number {
  const count = Math.round(amount * NANO);
  return Number.isSafeInteger(count) && count / NANO === amount ? count : Number.NaN;
}

/** The shortest decimal that is the number, as whole units. */
function units(amount: number): bigint {
  const [mantissa, exponent] = amount.toExponential().split("e") as [string, string];
  const [whole, fraction = ""] = mantissa.split(".") as [string, string?];
  const power = Number(exponent) - fraction.length + SCALE;
  const digits = BigInt(whole + fraction);
  return power >= 0 ? digits * 10n ** BigInt(power) : rounded(digits, 10n ** BigInt(-power));
}

const rounded = (value: bigint, by: bigint): bigint => (value >= 0n ? value + by / 2n : value - by / 2n) / by;

function number(of: bigint): number {
  const digits = String(of < 0n ? -of : of).padStart(SCALE + 1, "0");
  return Number(`${of < 0n ? "-" : ""}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`);
}
