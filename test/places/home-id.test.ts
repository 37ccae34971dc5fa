// A home that was changed by the toolkit carries its id along when it is moved; a copy of it has its own.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { homeId } from "../../lib/places/home-id.ts";
import { bench } from "../backup/tool.ts";
import { madeHome } from "../support/homes.ts";

test("a moved home keeps its id: create goes on from its snapshots, list and status find them", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 4 });
  const repo = await bench(t);
  const first = await repo.create(home);
  assert.equal(first["home_id"], homeId("agh", home));
  const identity = join(home, ".agh-toolkit", "home.json");
  assert.ok(!existsSync(identity), "reading leaves nothing");
  appendFileSync(join(home, "config.toml"), "# later\n");
  await repo.ok("restore", String(first["id"]), "--only", "config", "--into", home, "--apply");
  const { home_id } = JSON.parse(readFileSync(identity, "utf8")) as { home_id: string };
  assert.equal(home_id, first["home_id"]);

  const moved = join(repo.dir, "elsewhere");
  renameSync(home, moved);
  const second = await repo.create(moved);
  assert.equal(second["home_id"], home_id);
  assert.equal(second["home_path"], moved);
  assert.notEqual(second["parent"], null);
  const listed = await repo.ok("list", "--home-id", home_id);
  assert.deepEqual(listed.records[0]!["id"], second["id"]);
  const status = await repo.run("status", "--home-id", home_id);
  assert.equal(status.records.filter(({ kind }) => kind === "verdict").length, 1);
  const latest = await repo.ok("show", "latest", "--home-id", home_id);
  assert.equal(latest.records[0]!["id"], second["id"]);

  const named = await repo.create(moved, "--home-id", "mine");
  assert.equal(named["home_id"], "mine");
});

test("a copy is another home, while the original is there", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  const first = await repo.create(home);
  appendFileSync(join(home, "config.toml"), "# later\n");
  await repo.ok("restore", "latest", "--only", "config", "--into", home, "--apply");
  const copy = join(repo.dir, "copy");
  cpSync(home, copy, { recursive: true });
  assert.equal((await repo.create(copy))["home_id"], homeId("agh", copy));
  assert.equal((await repo.create(home))["home_id"], first["home_id"]);
});

test("a whole home that is restored stays who it is", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  const { id, home_id } = await repo.create(home);
  appendFileSync(join(home, "config.toml"), "# later\n");
  await repo.ok("restore", String(id), "--into", home, "--apply");
  const identity = readFileSync(join(home, ".agh-toolkit", "home.json"), "utf8");
  appendFileSync(join(home, "config.toml"), "# later\n");
  await repo.ok("restore", String(id), "--into", home, "--apply");
  assert.equal(readFileSync(join(home, ".agh-toolkit", "home.json"), "utf8"), identity);
  assert.equal((JSON.parse(identity) as { home_id: string }).home_id, home_id);
});
