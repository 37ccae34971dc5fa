// Random edits of a signed, encrypted repository: each is found, and none makes create write what the attacker can read.
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { test } from "node:test";
import { ulid } from "../../lib/formats/ulid.ts";
import type { Ran } from "../support/memory.ts";
import { strength } from "../support/strength.ts";
import { contentsOf, filesOf, makeRepository, readableBy, type AttackedRepository } from "./signed-repository.ts";

const ATTACKS = strength("attacks", 40);
/** Create is tried after one edit in so many; after each where there are many. */
const CREATE_EVERY = ATTACKS > 500 ? 1 : 5;

/** Numbers from a seed, so that a failure can be seen again. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** Locks, marks and what prune notes for other machines hold nothing up that is signed; a missing drill is only an opinion less. */
const isTarget = (name: string): boolean => !/^(?:lock\.db|marks\/|locks\/|pruned\/)/.test(name);

interface Attack {
  readonly kind: string;
  readonly what: string;
  /** A rollback of the whole is found by who has seen more. */
  readonly by?: "owner";
}

type Edit = (at: AttackedRepository, dice: Dice, target: string) => string | undefined;

const change =
  (edit: (bytes: Buffer, dice: Dice) => Buffer): Edit =>
  ({ repo }, dice, target) => {
    const file = join(repo, target);
    const before = readFileSync(file);
    const after = edit(Buffer.from(before), dice);
    if (after.equals(before)) return undefined;
    writeFileSync(file, after);
    return target;
  };

function flip(bytes: Buffer, dice: Dice): Buffer {
  if (bytes.length > 0) bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8);
  return bytes;
}

function insert(bytes: Buffer, dice: Dice): Buffer {
  const place = dice.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, place), Buffer.of(dice.below(256)), bytes.subarray(place)]);
}

/** Puts a file of another place where there is none like it, or another one. */
function copyIn(from: string, name: string, { repo }: AttackedRepository): string | undefined {
  const to = join(repo, name);
  if (existsSync(to) && readFileSync(to).equals(readFileSync(join(from, name)))) return undefined;
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(from, name), to);
  return name;
}

/** Another name of the same kind. */
function otherName(name: string, dice: Dice): string {
  const suffix = name.slice(name.indexOf("."));
  if (name.startsWith("heads/")) return `heads/${String(1 + dice.below(9)).padStart(10, "0")}.note`;
  if (/^(?:snapshots|drills)\//.test(name)) return `${dirname(name)}/${ulid(new Date())}${suffix}`;
  return `${dirname(name)}/${basename(name).replace(/^./, (first) => (first === "a" ? "b" : "a"))}`;
}

const EDITS: { readonly [kind: string]: Edit } = {
  "flip a bit": change(flip),
  "insert a byte": change(insert),
  "cut a byte": change((bytes, dice) => {
    const place = dice.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
  }),
  "append a byte": ({ repo }, dice, target) => {
    appendFileSync(join(repo, target), Buffer.of(dice.pick([0, 10, 32, 255])));
    return target;
  },
  truncate: ({ repo }, dice, target) => {
    truncateSync(join(repo, target), dice.below(readFileSync(join(repo, target)).length));
    return target;
  },
  empty: ({ repo }, _, target) => {
    truncateSync(join(repo, target), 0);
    return target;
  },
  remove: ({ repo }, _, target) => {
    unlinkSync(join(repo, target));
    return target;
  },
  "remove with signature": ({ repo }, _, target) => {
    if (!target.startsWith("snapshots/")) return undefined;
    for (const end of [".json", ".sig"]) rmSync(join(repo, target.replace(extname(target), end)), { force: true });
    return target;
  },
  rename: ({ repo }, dice, target) => {
    const to = otherName(target, dice);
    if (existsSync(join(repo, to))) return undefined;
    renameSync(join(repo, target), join(repo, to));
    return `${target} → ${to}`;
  },
  "copy to another name": ({ repo }, dice, target) => {
    const to = otherName(target, dice);
    if (existsSync(join(repo, to))) return undefined;
    cpSync(join(repo, target), join(repo, to));
    return `${target} → ${to}`;
  },
  "replay under a new id": ({ repo }, _, target) => {
    if (!target.startsWith("snapshots/")) return undefined;
    const id = ulid(new Date());
    for (const end of [".json", ".sig"]) {
      cpSync(join(repo, target.replace(extname(target), end)), join(repo, `snapshots/${id}${end}`));
    }
    return `${target} → ${id}`;
  },
  swap: ({ repo }, dice, target) => {
    const other = dice.pick(filesOf(repo).filter((name) => isTarget(name) && dirname(name) === dirname(target)));
    const [a, b] = [readFileSync(join(repo, target)), readFileSync(join(repo, other))];
    if (a.equals(b)) return undefined;
    writeFileSync(join(repo, target), b);
    writeFileSync(join(repo, other), a);
    return `${target} ↔ ${other}`;
  },
  "add a file": ({ repo }, dice, target) => {
    const name = join(dirname(target), dice.pick(["junk", "x.json", "y.sig", ".hidden", "0000000099.note"]));
    writeFileSync(join(repo, name), dice.pick(["", "{}", "hello\n"]));
    return name;
  },
  "roll back a file": (at, dice) => copyIn(at.earlier, dice.pick(filesOf(at.earlier).filter(isTarget)), at),
  "copy a file of another repository": (at, dice) =>
    copyIn(at.other, dice.pick(filesOf(at.other).filter(isTarget)), at),
  "copy its bytes": (at, dice, target) => {
    const bytes = readFileSync(join(at.other, dice.pick(filesOf(at.other).filter(isTarget))));
    writeFileSync(join(at.repo, target), bytes);
    return target;
  },
};

const WHOLE: { readonly [kind: string]: (at: AttackedRepository) => string } = {
  "roll back all": ({ repo, earlier }) => copyOver(earlier, repo),
  "replace all": ({ repo, other }) => copyOver(other, repo),
};

function copyOver(from: string, to: string): string {
  rmSync(to, { recursive: true });
  cpSync(from, to, { recursive: true });
  return "everything";
}

function attack(at: AttackedRepository, dice: Dice): Attack {
  if (dice.below(40) === 0) {
    const kind = dice.pick(Object.keys(WHOLE));
    return { kind, what: WHOLE[kind]!(at), by: "owner" };
  }
  for (;;) {
    const kind = dice.pick(Object.keys(EDITS));
    const target = dice.pick(filesOf(at.repo).filter(isTarget));
    const what = EDITS[kind]!(at, dice, target);
    if (what !== undefined) return { kind, what };
  }
}

const findingsOf = (ran: Ran): string[] =>
  ran.records.filter(({ kind }) => kind === "finding").map(({ code, id }) => `${String(code)} ${String(id)}`);

test(`${ATTACKS} random edits: each is found, none makes create write what the attacker reads`, async (t) => {
  const seed = Number(process.env["AGH_TEST_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const dice = new Dice(seed);
  const at = await makeRepository(t, "signed");
  at.reset();
  const sound = await at.verify();
  assert.equal(sound.code, 0, sound.stdout);
  const before = new Set(findingsOf(sound));
  const how = { found: 0, named: 0, "create refused": 0, "create went on": 0 };
  for (let number = 0; number < ATTACKS; number++) {
    at.reset();
    const { kind, what, by } = attack(at, dice);
    const label = `seed ${seed}, edit ${number}: ${kind} ${what}`;
    const ran = await at.verify(by);
    const isNamed = findingsOf(ran).some((each) => !before.has(each));
    assert.ok(ran.code !== 70, `${label}: ${ran.stderr}`);
    assert.ok(ran.code !== 0 || isNamed, `${label} is not found`);
    how[ran.code !== 0 ? "found" : "named"]++;
    if (number % CREATE_EVERY !== 0 && !what.startsWith("repository.json")) continue;
    const contents = contentsOf(at.repo);
    const created = await at.create("owner");
    assert.ok(created.code !== 70, `${label}: ${created.stderr}`);
    assert.deepEqual(await readableBy(at.attacker, at.repo, contents), [], label);
    how[created.code >= 4 ? "create refused" : "create went on"]++;
  }
  t.diagnostic(`figure: ${JSON.stringify(how)}`);
});
