// The vault: what it holds and for which session, never a value.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

test("refs with their namespace and session, and whether the key is there", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const list = async (...argv: string[]) => (await runHere(tool, ["vault", "--home", real.home, ...argv])).records;
  assert.deepEqual(
    (await list()).map(({ id, namespace, session_id, vault_ref_kind, present, key_present }) => [
      id,
      namespace,
      session_id,
      vault_ref_kind,
      present,
      key_present,
    ]),
    [
      ["vault:providers/acpmock/api-key", "providers", undefined, "api_key", true, true],
      ["vault:sessions/sess-c29df2ed37712133/github-token", "sessions", "sess-c29df2ed37712133", "token", true, true],
    ],
  );
  assert.equal((await list("--namespace", "providers")).length, 1);
  assert.deepEqual(
    (await list("--session", "c29df2ed")).map(({ namespace }) => namespace),
    ["sessions"],
  );
  fs.rmSync(path.join(real.home, "vault.key"));
  assert.ok((await list()).every(({ key_present }) => key_present === false));
});
