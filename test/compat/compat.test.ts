// What version 0.1 has left behind: its repositories, archives and seals are read, its killed runs are brought to their end,
// its finished ones can be undone, its trash is restored and its saved plans apply, with the same outcome as it had itself.
import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { run, type RunResult } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";
import { layOut, stateOf, type FixtureCommand, type Fixture } from "./reroot.ts";

const FIXTURES = path.join(import.meta.dirname, "../fixtures/0.1");

interface Expected {
  /** Of each command: its exit code, and kind, id and verdict of what it printed. */
  readonly runs: readonly { readonly code: number; readonly records: readonly string[] }[];
  /** What every home is in the end. */
  readonly states: Readonly<Record<string, readonly string[]>>;
}

const expected = JSON.parse(readFileSync(path.join(FIXTURES, "expected.json"), "utf8")) as Record<string, Expected>;
const names = readdirSync(FIXTURES)
  .filter((name) => name.endsWith(".tar.gz"))
  .map((name) => name.replace(".tar.gz", ""))
  .sort();

interface LaidOut {
  readonly directory: string;
  readonly fixture: Fixture;
  /** Runs one of its commands. */
  readonly perform: (command: FixtureCommand) => Promise<RunResult>;
}

function laidOut(t: TestContext, name: string): LaidOut {
  const [directory, cache] = [tempDir(t, "compat"), tempDir(t, "compat-cache")];
  const fixture = layOut(path.join(FIXTURES, `${name}.tar.gz`), directory);
  const perform = ({ tool, args, env = {}, stdin }: FixtureCommand): Promise<RunResult> =>
    run(tool.replace("agh-", ""), args, {
      env: { ...env, XDG_CACHE_HOME: cache },
      ...(stdin !== undefined && { stdin: readFileSync(stdin) }),
    });
  return { directory, fixture, perform };
}

const journalsIn = (directory: string): string[] =>
  globSync("{.agh,agsh,project}/.agh-toolkit/journal/*/journal.json", { cwd: directory });

const KEYS = ["kind", "id", "status", "state", "code", "verdict", "type"];

/** Kind and id of each record, with its verdict. */
function recordLines({ stdout }: RunResult, directory: string): string[] {
  const records = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return records.map((record) =>
    // Version 0.1 knew no states of snapshots.
    KEYS.filter((key) => key !== "state" || record["kind"] !== "snapshot")
      .map((key) => record[key])
      .filter((value) => value !== undefined && value !== null && typeof value !== "object")
      .join(" ")
      .replaceAll(directory, "DIR")
      .replace(/\b0[0-7][0-9A-HJKMNP-TV-Z]{24}\b/g, "ULID"),
  );
}

/** What later versions refuse: a saved plan that drops the newest good snapshot of a home. */
const REFUSED: { readonly [name: string]: string } = { repository: "apply" };

/** What later versions keep of the rows that they remove. */
const KEPT_ROWS = /^\.agh-toolkit\/tombstones\/ULID\.rows$/;

/** Runs what the fixture says; exit codes, records and the homes in the end are those of version 0.1. */
async function sameOutcome(name: string, { directory, fixture, perform }: LaidOut): Promise<void> {
  const { runs, states } = expected[name]!;
  for (const [at, command] of fixture.run.entries()) {
    const result = await perform(command);
    const label = `${command.tool} ${command.args.join(" ")}`;
    const isRefused = REFUSED[name] === command.args[0];
    assert.equal(result.code, isRefused ? 4 : runs[at]!.code, `${label}: ${result.stderr}${result.stdout.slice(-500)}`);
    if (isRefused) continue;
    const printed = recordLines(result, directory);
    // Kinds and records are only added. An undo that was killed lists what was left of it, not all of it again.
    const isDone = (line: string): boolean =>
      name.startsWith("journal-reconcile-undo") && /^action .* done$/.test(line);
    const before = runs[at]!.records.filter((line) => !isDone(line));
    for (const line of before) assert.ok(printed.includes(line), `${label} no longer prints '${line}'`);
  }
  for (const home of fixture.homes) {
    assert.deepEqual(
      stateOf(path.join(directory, home)).filter((line) => !KEPT_ROWS.test(line)),
      states[home],
      `${name}: ${home} is not what it was to become`,
    );
  }
}

const OWN = /^\.agh-toolkit\//;

/** The homes are again what they were before the run that the fixture has gone through; the toolkit's own state aside. */
function assertAsBefore({ directory, fixture }: LaidOut): void {
  for (const [home, before] of Object.entries(fixture.before!)) {
    const now = stateOf(path.join(directory, home)).filter((line) => !OWN.test(line));
    assert.deepEqual(
      now,
      before.filter((line) => !OWN.test(line)),
      `${home} is not what it was`,
    );
  }
}

test("every fixture has its outcome", () => assert.deepEqual(Object.keys(expected).sort(), names));

for (const name of names.filter((it) => it.startsWith("journal-"))) {
  test(`${name}: a killed run is brought to its end`, async (t) => {
    const there = laidOut(t, name);
    assert.equal(journalsIn(there.directory).length > 0, there.fixture.journal);
    await sameOutcome(name, there);
    assert.deepEqual(journalsIn(there.directory), []);
  });
}

for (const name of names.filter((it) => it.startsWith("undo-"))) {
  test(`${name}: undo gives the previous bytes`, async (t) => {
    const there = laidOut(t, name);
    // The run of AGDD has rebuilt the full-text index, which is no row of anybody's.
    if (name !== "undo-agdd") assert.throws(() => assertAsBefore(there), "the run had changed nothing");
    await sameOutcome(name, there);
    assertAsBefore(there);
  });
}

for (const name of names.filter((it) => it.startsWith("trash-"))) {
  test(`${name}: trash is restored`, async (t) => {
    const there = laidOut(t, name);
    assert.throws(() => assertAsBefore(there), "nothing had gone to the trash");
    await sameOutcome(name, there);
    assertAsBefore(there);
  });
}

for (const name of names.filter((it) => it.startsWith("plan-"))) {
  test(`${name}: a saved plan applies`, async (t) => {
    await sameOutcome(name, laidOut(t, name));
  });
}

for (const name of names.filter((it) => it.startsWith("repository"))) {
  test(`${name}: listed, verified, drilled, restored, and added to`, async (t) => {
    await sameOutcome(name, laidOut(t, name));
  });
}

test("archives: listed, verified, read as a place, and brought back", async (t) => {
  const there = laidOut(t, "archives");
  assert.throws(() => assertAsBefore(there), "nothing had been removed");
  await sameOutcome("archives", there);
  assertAsBefore(there);
});

test("seals: verified against the checkpoint, proven, left as they are, and one changed byte is found", async (t) => {
  const there = laidOut(t, "seals");
  await sameOutcome("seals", there);
  assertAsBefore(there);
  const [ledger] = globSync("sessions/*/*/ledger.jsonl", { cwd: path.join(there.directory, ".agh") });
  const file = path.join(there.directory, ".agh", ledger!);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  assert.equal((await there.perform(there.fixture.run[0]!)).code, 1);
});
