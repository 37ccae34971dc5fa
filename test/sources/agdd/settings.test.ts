// AGDD's settings: where they come from, which counts, and what it does not take.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseDotenv } from "../../../lib/sources/agdd/home/dotenv.ts";
import { readSettings, truth } from "../../../lib/sources/agdd/home/settings.ts";
import { tempDir } from "../../support/temp.ts";

const values = (text: string, env = {}): Record<string, string> =>
  Object.fromEntries(parseDotenv(text, env).map(({ name, value }) => [name, value]));

test(".env is read as python-dotenv reads it", () => {
  assert.deepEqual(values("A=1\n export B = two words  # said\nC='x # y'\nD=\"a\\nb\"\n# E=1\nnonsense\nF=\n"), {
    A: "1",
    B: "two words",
    C: "x # y",
    D: "a\nb",
    F: "",
  });
  assert.deepEqual(values("A=one\r\nB=${A}/two\r\nC='${A}'\r\nD=${NO:-other}\r\nE=${HOME}", { HOME: "/h" }), {
    A: "one",
    B: "one/two",
    C: "${A}",
    D: "other",
    E: "/h",
  });
  assert.deepEqual(values('A="over\ntwo lines"\nB=2'), { A: "over\ntwo lines", B: "2" });
  assert.equal(parseDotenv('A="x\ny"\nB=2')[1]!.line, 3);
});

test("the environment counts over .env, names in any case, the default last", (t) => {
  const root = tempDir(t);
  const read = (env: Record<string, string>, live = true) => readSettings(root, "agdd", { env, live });
  assert.equal(read({}).dbPath, undefined);
  writeFileSync(join(root, ".env"), "agdd_storage_db_path=from/file.db\nAGDD_STORAGE_HOT_DAYS=9\n");
  assert.equal(read({}).dbPath, "from/file.db");
  assert.equal(read({ Agdd_Storage_Db_Path: "from/env.db" }).dbPath, "from/env.db");
  assert.equal(read({ AGDD_STORAGE_DB_PATH: "from/env.db" }, false).dbPath, "from/file.db", "a copy has its own world");
  assert.equal(read({}).hotDays, 9);
  assert.equal(readSettings(root, "magsag", { env: {}, live: true }).hotDays, undefined, "MAGSAG has its own prefix");
  assert.equal(readSettings(root, "magsag", { env: { MAGSAG_STORAGE_HOT_DAYS: "3" }, live: true }).hotDays, 3);
});

test("truth values are those of pydantic, and another one is named with its line", (t) => {
  for (const yes of ["1", "true", "YES", "On", "t", "Y"]) assert.equal(truth(yes), true, yes);
  for (const no of ["0", "false", "NO", "Off", "f", "N"]) assert.equal(truth(no), false, no);
  for (const bad of ["", "maybe", "2", " true"]) assert.equal(truth(bad), undefined, bad);
  const root = tempDir(t);
  writeFileSync(join(root, ".env"), "\nAGDD_STORAGE_ENABLE_FTS=maybe\n");
  const { bad } = readSettings(root, "agdd", { env: {}, live: true });
  assert.deepEqual(
    bad.map(({ name }) => name),
    ["enable_fts"],
  );
  assert.match(bad[0]!.message, /line 2 must be yes or no, not 'maybe'/);
});
