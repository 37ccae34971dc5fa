// Workspaces: both ids, whether the root is here, and the sessions that name it.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

test("a workspace has the ULID of its own workspace.toml, wherever the home has been moved", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const root = path.join(real.base, "projects/docs-site");
  const db = new DatabaseSync(path.join(real.home, "agh.db"));
  db.prepare("UPDATE workspaces SET root_dir = ? WHERE name = 'docs-site'").run(root);
  db.close();
  const ulid = (file: string): string =>
    /workspace_id = "(\w{26})"/.exec(fs.readFileSync(path.join(file, "workspace.toml"), "utf8"))![1]!;
  const { records } = await runHere(tool, ["workspaces", "--home", real.home]);
  assert.deepEqual(
    records.map(({ name, workspace_ulid, exists, sessions }) => [name, workspace_ulid, exists, sessions]),
    [
      ["docs-site", ulid(path.join(root, ".agh")), true, 3],
      ["checkout-api", null, false, 7],
      ["a", ulid(real.home), false, 0],
    ],
  );
});
