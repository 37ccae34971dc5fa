// No detail verb leaves a trace in a home or a secret on its output, in any state of the home.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { queryCopy } from "../support/sqlite-dump.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const VERBS = [
  ["turns", "--all-turns"],
  ["usage", "--by", "turn", "--rollup"],
  ["tools"],
  ["hooks"],
  ["permissions"],
  ["processes"],
  ["workspaces"],
  ["vault"],
  ["failures", "--failure", "cancellation,process_exit"],
  ["table"],
  ["table", "vault_secrets"],
  ["table", "task_runs"],
  ["table", "events", "--state", "stopped,active"],
];

for (const name of ["agh-clean", "agh-killed", "agh-drifted"]) {
  test(`${name}: every verb reads, nothing changes, no secret is printed`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const sql = "select encrypted_value from vault_secrets";
    const stored = queryCopy(path.join(real.home, "agh.db"), sql).map((row) => String(row["encrypted_value"]));
    const key = fs.readFileSync(path.join(real.home, "vault.key"), "utf8").trim();
    const secrets = [...stored, key];
    assert.ok(secrets.length > 1 && secrets.every((secret) => secret.length > 20));
    const before = treeState(real.base);
    for (const argv of VERBS) {
      for (const format of ["json", "table", "csv"]) {
        const ran = await runHere(tool, [...argv, "--format", format, "--home", real.home]);
        assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}`);
        for (const secret of secrets) {
          assert.ok(!ran.stdout.includes(secret) && !ran.stderr.includes(secret), `${argv.join(" ")} prints a secret`);
        }
      }
    }
    assertUntouched(before, treeState(real.base));
  });
}
