// kill -9 at any call of agh-reconcile salvage leaves no half database, and the rerun completes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { queryCopy } from "../support/sqlite-dump.ts";

const EVENTS = 30;
const saved = (dir: string): string => path.join(dir, "saved.db");
const broken = (dir: string): string => path.join(dir, fs.globSync("home/sessions/sess-*/events.db", { cwd: dir })[0]!);
const rows = (dir: string): unknown => queryCopy(saved(dir), "SELECT count(*) AS n FROM events");

test("salvage: the new database is whole or not there", async () => {
  const { killed, points } = await crashPoints({
    command: path.join(PROJECT, "bin/agh-reconcile.ts"),
    args: (dir) => ["salvage", broken(dir), "--out", saved(dir)],
    prepare: (dir) => void makeHome(path.join(dir, "home"), { sessions: 1, events: EVENTS }),
    check(dir) {
      if (fs.existsSync(saved(dir))) assert.deepEqual(JSON.stringify(rows(dir)), JSON.stringify([{ n: EVENTS }]));
    },
    complete(dir, { code, stderr }) {
      // A kill after the last step leaves a finished database, which is not written over (4).
      assert.ok(code === 0 || code === 4, stderr);
      assert.deepEqual(JSON.stringify(rows(dir)), JSON.stringify([{ n: EVENTS }]));
    },
    points: 12,
  });
  assert.ok(killed >= points.length - 1);
});
