// docs/security.md, row by row: what it says of each deed is what happens.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { PROJECT } from "../support/homes.ts";
import type { Ran } from "../support/memory.ts";
import { DEEDS, type Deed } from "./deeds.ts";
import {
  contentsOf,
  makeRepository,
  readableBy,
  type Protection,
  type AttackedRepository,
} from "./signed-repository.ts";

const PROTECTIONS: readonly Protection[] = ["plain", "encrypted", "signed", "known", "anchored"];

/** Anchor → what the page says of it, column by column. */
const rows = new Map(
  readFileSync(join(PROJECT, "docs/security.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith('| <a id="'))
    .map((line) => {
      const [first, ...cells] = line.slice(2, -2).split(" | ");
      return [/<a id="([^"]+)">/.exec(first!)![1]!, cells] as const;
    }),
);

test("every row of the page is a deed, and every deed a row", () => {
  assert.deepEqual([...rows.keys()].sort(), Object.keys(DEEDS).sort());
  for (const [anchor, cells] of rows) assert.equal(cells.length, PROTECTIONS.length, anchor);
});

for (const [column, protection] of PROTECTIONS.entries()) {
  test(`${protection}: what the page says of each deed is what happens`, async (t: TestContext) => {
    const world = await makeRepository(t, protection);
    world.reset();
    const sound = await world.verify();
    assert.equal(sound.code, 0, sound.stdout + sound.stderr);
    const before = findingsOf(sound);
    const happened: { [anchor: string]: string } = {};
    for (const anchor of rows.keys()) happened[anchor] = await outcomeOf(world, DEEDS[anchor]!, before);
    const page = Object.fromEntries([...rows].map(([anchor, cells]) => [anchor, cells[column]!]));
    assert.deepEqual(happened, page);
  });
}

async function outcomeOf(
  world: AttackedRepository,
  { act, about }: Deed,
  before: ReadonlySet<string>,
): Promise<string> {
  world.reset();
  if ((await act(world)) === false) return "–";
  return about === undefined ? await verifyOutcome(world, before) : await createOutcome(world);
}

async function verifyOutcome(world: AttackedRepository, before: ReadonlySet<string>): Promise<string> {
  const ran = await world.verify();
  if (ran.code !== 0) return "found";
  return [...findingsOf(ran)].some((each) => !before.has(each)) ? "named" : "unnoticed";
}

async function createOutcome(world: AttackedRepository): Promise<string> {
  const before = contentsOf(world.repo);
  const ran = await world.create();
  if ((await readableBy(world.attacker, world.repo, before)).length > 0) return "he reads it";
  return ran.code === 4 ? "refused" : "he reads nothing";
}

const findingsOf = (ran: Ran): Set<string> =>
  new Set(ran.records.filter(({ kind }) => kind === "finding").map(({ code, id }) => `${String(code)} ${String(id)}`));
