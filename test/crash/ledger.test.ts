// kill -9 at any call of agh-ledger write and seal leaves the old state or the new, and the rerun completes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";

const command = path.join(PROJECT, "bin/agh-ledger.ts");
const home = (directory: string): string => path.join(directory, ".agh");
const made = (directory: string, ledgers: boolean): void =>
  void makeHome(home(directory), { sessions: 4, events: 6, seed: 4, ledgers });

function ledgersIn(directory: string): Map<string, string> {
  const files = fs.globSync("sessions/*/*/ledger.*", { cwd: home(directory) });
  return new Map(files.map((file) => [file, fs.readFileSync(path.join(home(directory), file), "latin1")]));
}

/** What an undisturbed run leaves. */
const reference = (() => {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync("/tmp"), "ledger-reference-"));
  try {
    made(directory, true);
    return ledgersIn(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
})();

test("write: a ledger is whole or not there", async () => {
  const { killed, points } = await crashPoints({
    command,
    args: (directory) => ["write", "--all", "--home", home(directory)],
    prepare: (directory) => made(directory, false),
    check(directory) {
      for (const [file, text] of ledgersIn(directory)) assert.equal(text, reference.get(file), file);
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(ledgersIn(directory), reference);
    },
    points: 12,
  });
  assert.ok(killed >= points.length - 1);
});

test("seal: a seal is whole or not there, and verifies", async () => {
  const seals = (directory: string): [string, string][] =>
    [...ledgersIn(directory)].filter(([file]) => file.endsWith(".seal"));
  let expected: [string, string][] | undefined;
  await crashPoints({
    command,
    args: (directory) => ["seal", "--all", "--home", home(directory)],
    prepare: (directory) => made(directory, true),
    check(directory) {
      for (const [file, text] of seals(directory)) assert.equal(text, new Map(expected).get(file));
      for (const [file, text] of reference) assert.equal(ledgersIn(directory).get(file), text);
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      expected ??= seals(directory);
      assert.deepEqual(seals(directory), expected);
      assert.equal(expected.length, 4);
    },
    points: 12,
  });
});

test("a full or failing disk: a finding for each session, no half file, and a retry works", async () => {
  const runs = await faultPoints({
    command,
    args: (directory) => ["write", "--all", "--home", home(directory)],
    prepare: (directory) => made(directory, false),
    check(directory, { code, stderr }, fault) {
      // A database that was only read does not fail to close for want of space: that is the harness's own invention.
      const invented = stderr.includes("injected, close");
      assert.ok(invented || [3, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
      for (const [file, text] of ledgersIn(directory)) assert.equal(text, reference.get(file), file);
      assert.deepEqual(fs.globSync("sessions/*/*/.agh-toolkit-*", { cwd: home(directory) }), []);
    },
    errors: ["ENOSPC", "EIO"],
    points: 6,
  });
  assert.ok(runs >= 12);
});
