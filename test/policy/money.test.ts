// Sums of money: exact in decimals, of any size.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Money } from "../../lib/policy/money.ts";

const sum = (...amounts: number[]): number => {
  const money = new Money();
  for (const amount of amounts) money.add(amount);
  return money.amount;
};

test("a sum of decimals has no binary noise", () => {
  assert.notEqual(0.1 + 0.2, 0.3);
  assert.equal(sum(0.1, 0.2), 0.3);
  assert.equal(sum(...Array.from({ length: 1000 }, () => 0.0001)), 0.1);
  assert.equal(Money.difference(0.3, 0.1), 0.2);
});

test("amounts finer than a billionth and larger than a number counts are summed as well", () => {
  assert.equal(sum(1e-12, 2e-12), 3e-12);
  assert.equal(sum(9_007_199.254_740_993, 0.1, 1e-12, -9_007_199), 0.354_740_993_001);
  assert.equal(sum(1e15, 0.25), 1e15 + 0.25);
  assert.equal(Money.difference(1e15, 0.5), 999_999_999_999_999.5);
});
