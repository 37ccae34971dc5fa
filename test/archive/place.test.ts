// `archive:TARGET` as a place: read like a home, and no more unpacked than is asked for.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { archived } from "./bench.ts";

test("archives are read as a home: the same events, sessions and usage", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", real.home, "--to", target);
  for (const verb of [["events", "--all"], ["sessions"], ["usage", "--by", "agent"], ["turns"], ["permissions"]]) {
    const from: Ran = await runHere(inspect, [...verb, "--home", `archive:${target}`]);
    const of: Ran = await runHere(inspect, [...verb, "--home", real.home]);
    const bare = (text: string): string => text.replaceAll(/"home":"[^"]*"/g, "");
    assert.equal(from.code, 0, from.stderr);
    assert.equal(bare(from.stdout), bare(of.stdout), verb.join(" "));
  }
});

test("of a place of archives only the sessions that are named are unpacked", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 3 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  const [one, two] = all as [string, string];
  fs.writeFileSync(path.join(target, `${two}.tar.zst`), "not an archive any more");
  fs.writeFileSync(path.join(target, `${all[2]}.receipt.json`), "nor a receipt");
  const place = `archive:${target}`;
  const bare = ({ stdout }: Ran): string => stdout.replaceAll(/"home":"[^"]*"/g, "");
  for (const verb of ["events", "sessions", "usage"]) {
    const from = await runHere(inspect, [verb, one, "--home", place]);
    assert.deepEqual([verb, from.code, from.stderr], [verb, 0, ""]);
    assert.equal(bare(from), bare(await runHere(inspect, [verb, one, "--home", home])));
  }
  const short = one.slice(5, 15);
  assert.equal((await runHere(inspect, ["events", short, "--home", place])).code, 0);
  const other = await runHere(inspect, ["events", two, "--home", place]);
  assert.notEqual(other.code, 0);
  assert.match(other.stderr, /is damaged/);
  assert.equal((await runHere(inspect, ["sessions", "--home", place])).code, 3);
});

test("what runs of ours stage beside archives is taken for no session", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1 });
  const before = await runHere(inspect, ["sessions", "--home", home]);
  for (const name of [".stage/run-1", "agh-toolkit-0-1-2-abc/d-1"])
    fs.mkdirSync(path.join(home, "session-archive", name), { recursive: true });
  const after = await runHere(inspect, ["sessions", "--home", home]);
  assert.deepEqual([after.code, after.stdout], [0, before.stdout]);
  assert.deepEqual(
    after.records.map(({ id }) => id),
    ids,
  );
});
