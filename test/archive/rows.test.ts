// agh-archive over agsh and AGDD, whose sessions are rows: what is archived, removed and brought back is what it was.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import type { Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeDigest, treeState } from "../support/tree.ts";
import { ok, placeOf, ran, remove, rowsOf, sql, type RowPlace } from "./row-place.ts";

const archivedIn = ({ records }: Ran): string[] =>
  records.filter(({ status }) => status === "archived").map(({ id }) => String(id));

for (const name of ["agsh", "agsh-v08", "agdd"] as const) {
  test(`${name}: put, removed and got, everything is as it was; put touches nothing`, async (t) => {
    const place = placeOf(t, name);
    if (!place) return;
    const { home, file } = place;
    const target = path.join(tempDir(t), "archives");
    const rows = rowsOf(place);
    const before = treeState(home);
    const trees = path.join(home, ".runs");
    const legacy = name === "agdd" ? treeDigest(trees, ["content"]) : "";
    const put = await ok("put", "--all", "--home", home, "--to", target);
    assertUntouched(before, treeState(home));
    const ids = archivedIn(put);
    assert.ok(ids.length >= 7);
    assert.equal((await ran(["verify", "--all", "--from", target])).code, 0);
    remove(place, ids);
    assert.equal((await ran(["get", "--all", "--from", target, "--to", home])).code, 0);
    assert.deepEqual(rowsOf(place), rows);
    if (name === "agdd") {
      assert.equal(treeDigest(trees, ["content"]), legacy);
      sql(file, (db) => db.exec("INSERT INTO events_fts(events_fts, rank) VALUES('integrity-check', 1)"));
    }
    const again = await ran(["get", "--all", "--from", target, "--to", home]);
    assert.equal(again.records.at(-1)!["unchanged"], ids.length);
    const second = await ok("put", "--all", "--home", home, "--to", target);
    assert.deepEqual(archivedIn(second), []);
  });
}

test("an archive reads like the home: the same events, word for word", async (t) => {
  const place = placeOf(t, "agdd");
  if (!place) return;
  const target = path.join(tempDir(t), "archives");
  const ids = archivedIn(await ok("put", "--all", "--home", place.home, "--to", target));
  for (const id of ids.slice(0, 12)) {
    const read = async (home: string): Promise<object[]> =>
      (await ran(["events", id, "--json", "--home", home], inspect)).records.map((event) => ({ ...event, home: "" }));
    assert.deepEqual(await read(`archive:${target}`), await read(place.home));
  }
});

test("a login is never archived", async (t) => {
  const place = placeOf(t, "agsh-v08");
  if (!place) return;
  const target = path.join(tempDir(t), "archives");
  await ok("put", "--all", "--home", place.home, "--to", target);
  const secrets = sql(place.file, (db) => db.prepare("SELECT access_token, refresh_token FROM oauth_tokens").all());
  const words = secrets.flatMap((row) => Object.values(row)).filter((word) => typeof word === "string");
  assert.ok(words.length > 0);
  for (const name of fs.readdirSync(target)) {
    const bytes = fs.readFileSync(path.join(target, name));
    const text = (name.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes).toString("latin1");
    for (const word of words) assert.ok(!text.includes(word), `${word} in ${name}`);
  }
});

test("what was changed since refuses the whole, and so does another runtime's home", async (t) => {
  const [place, other] = [placeOf(t, "agdd"), placeOf(t, "agsh")];
  if (!place || !other) return;
  const target = path.join(tempDir(t), "archives");
  const ids = archivedIn(await ok("put", "--all", "--home", place.home, "--to", target));
  remove(place, ids.slice(1));
  sql(place.file, (db) => db.prepare("UPDATE runs SET tags = '[1]' WHERE run_id = ?").run(ids[0]!));
  const before = rowsOf(place);
  const refused = await ran(["get", "--all", "--from", target, "--to", place.home]);
  assert.deepEqual([refused.code, /would be overwritten/.test(refused.stderr)], [4, true]);
  assert.deepEqual(rowsOf(place), before);
  const strange = await ran(["get", "--all", "--from", target, "--to", other.home]);
  assert.deepEqual([strange.code, /belongs to agdd/.test(strange.stderr)], [4, true]);
});

test("into another home a message whose id is taken comes at the end, in order", async (t) => {
  const [from, to] = [placeOf(t, "agsh"), placeOf(t, "agsh")];
  if (!from || !to) return;
  const target = path.join(tempDir(t), "archives");
  const ids = archivedIn(await ok("put", "--all", "--home", from.home, "--to", target));
  const [id] = ids;
  sql(to.file, (db) => db.prepare("UPDATE messages SET session_id = ? WHERE session_id = ?").run(ids[1]!, id!));
  sql(to.file, (db) => db.prepare("DELETE FROM sessions WHERE id = ?").run(id!));
  assert.equal((await ran(["get", id!, "--from", target, "--to", to.home])).code, 0);
  const contents = ({ file }: RowPlace): unknown =>
    sql(file, (db) => db.prepare("SELECT role, content FROM messages WHERE session_id = ? ORDER BY id").all(id!));
  assert.deepEqual(contents(to), contents(from));
});

test("a run that claims to be running is skipped, and a flipped byte is found", async (t) => {
  const place = placeOf(t, "agdd");
  if (!place) return;
  const target = path.join(tempDir(t), "archives");
  const put = await ran(["put", "--all", "--home", place.home, "--to", target]);
  const skipped = put.records.filter(({ state, kind }) => kind === "action" && state === "skipped");
  assert.equal(put.code, 3);
  assert.ok(skipped.some(({ id }) => id === "mag-stalea000"));
  const file = path.join(
    target,
    fs.readdirSync(target).find((name) => name.endsWith(".zst"))!,
  );
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(file, bytes);
  assert.equal((await ran(["verify", "--all", "--from", target])).code, 1);
});
