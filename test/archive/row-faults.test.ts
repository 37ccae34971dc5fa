// Kills and full disks while sessions that are rows come back: all of them or none, and the next run ends it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { ok, placeOf, ran, remove, rowsOf, sql, type RowPlace } from "./row-place.ts";

const COMMAND = path.join(PROJECT, "bin/agh-archive.ts");

const isSound = ({ file }: RowPlace): boolean =>
  sql(file, (db) => db.prepare("PRAGMA integrity_check").get()!["integrity_check"] === "ok");

for (const name of ["agsh", "agdd"] as const) {
  test(`${name}: get killed at any call is brought to its end by the next get`, async (t) => {
    const place = placeOf(t, name);
    if (!place) return;
    const rows = rowsOf(place);
    const legacy = path.join(place.home, ".runs");
    const trees = fs.existsSync(legacy) ? treeDigest(legacy, ["content"]) : "";
    const target = path.join(tempDir(t), "archives");
    const put = await ok("put", "--all", "--home", place.home, "--to", target);
    const ids = put.records.filter(({ status }) => status === "archived").map(({ id }) => String(id));
    remove(place, ids);
    const lacking = rowsOf(place);
    const at = (dir: string): RowPlace => ({
      ...place,
      home: path.join(dir, "home"),
      file: path.join(dir, "home", path.relative(place.home, place.file)),
    });
    const outcome = await crashPoints({
      command: COMMAND,
      args: (dir) => ["get", "--all", "--from", target, "--to", at(dir).home],
      prepare: (dir) => void execFileSync("cp", ["-a", place.home, at(dir).home]),
      check: (dir) => {
        assert.ok(isSound(at(dir)));
        const now = JSON.stringify(rowsOf(at(dir)));
        assert.ok(
          [rows, lacking].some((state) => JSON.stringify(state) === now),
          "all of the rows, or none",
        );
      },
      complete: (dir, rerun) => {
        assert.equal(rerun.code, 0, rerun.stderr);
        assert.deepEqual(rowsOf(at(dir)), rows);
        if (trees !== "") assert.equal(treeDigest(path.join(at(dir).home, ".runs"), ["content"]), trees);
        assert.deepEqual(fs.readdirSync(path.join(at(dir).home, ".agh-toolkit/journal")), []);
      },
      points: 8,
    });
    assert.ok(outcome.killed > 5, `only ${outcome.killed} of ${outcome.calls}`);
  });
}

test("a full disk ends get of rows with its exit code and none of them, and a retry works", async (t) => {
  const place = placeOf(t, "agdd");
  if (!place) return;
  const target = path.join(tempDir(t), "archives");
  const put = await ok("put", "--all", "--home", place.home, "--to", target);
  const rows = rowsOf(place);
  remove(
    place,
    put.records.filter(({ status }) => status === "archived").map(({ id }) => String(id)),
  );
  const homeIn = (dir: string): string => path.join(dir, "home");
  await faultPoints({
    command: COMMAND,
    args: (dir) => ["get", "--all", "--from", target, "--to", homeIn(dir)],
    prepare: (dir) => void execFileSync("cp", ["-a", place.home, homeIn(dir)]),
    errors: ["ENOSPC", "EACCES"],
    lasting: true,
    points: 3,
    check: async (dir, result, fault) => {
      assert.ok([0, 6].includes(result.code!) || /injected, close/.test(result.stderr), `${fault}: ${result.stderr}`);
      const now = { ...place, home: homeIn(dir), file: path.join(homeIn(dir), ".agdd/storage.db") };
      assert.ok(isSound(now));
      assert.equal((await ran(["get", "--all", "--from", target, "--to", homeIn(dir)])).code, 0);
      assert.deepEqual(rowsOf(now), rows);
    },
  });
});
