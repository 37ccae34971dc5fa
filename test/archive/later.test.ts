// What a session gets after it was archived: a seal, a ledger. It is added beside the archive, and nothing else ever is.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { VARIANTS, type LaterVariant } from "./later-variants.ts";
import {
  ENV,
  type LaterWorld,
  directory,
  worldOf,
  onLedger,
  put,
  fileIn,
  seal,
  write,
  dropLedger,
} from "./later-world.ts";

const contentOf = (dir: string): Map<string, string> =>
  new Map(
    fs.existsSync(dir)
      ? fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name), "latin1")])
      : [],
  );

const besideIn = ({ files, id }: LaterWorld): string[] =>
  fs
    .readdirSync(files)
    .map((name) => name.slice(id.length + 1).replace(/^[0-9a-f]{16}\./, "H."))
    .filter((name) => name !== "tar.zst" && name !== "receipt.json")
    .sort();

async function tryVariant(w: LaterWorld, variant: LaterVariant): Promise<void> {
  for (const deed of variant.first ?? []) await deed(w);
  const archived = contentOf(path.dirname(w.ledger));
  assert.equal((await put(w)).code, 0);
  const format = (JSON.parse(fs.readFileSync(fileIn(w, "receipt.json"), "utf8")) as { format: number }).format;
  assert.equal(format, 1, "what an older version can say is said as it says it");
  for (const deed of variant.later) {
    for (const [name, content] of contentOf(path.dirname(w.ledger))) archived.set(name, content);
    await deed(w);
  }
  const before = treeDigest(w.files, ["content"]);
  const dry = await w.archive("put", w.id, "--home", w.home, "--to", w.target, "--dry-run", "--json");
  assert.equal(treeDigest(w.files, ["content"]), before, "--dry-run");
  const second = await put(w);
  const [record] = second.records;
  const isSkipped = variant.status === "skipped";
  assert.deepEqual(
    [second.code, record!["status"] ?? record!["state"], second.records.at(-1)!["exit"], dry.code],
    isSkipped ? [3, "skipped", 3, 3] : [0, variant.status, 0, 0],
    second.stdout + second.stderr,
  );
  if (variant.reason) assert.match(String(record!["reason"]), variant.reason);
  if (isSkipped || variant.status === "unchanged") assert.equal(treeDigest(w.files, ["content"]), before);
  assert.deepEqual(besideIn(w), [...(variant.beside ?? [])].sort());
  const verified = await w.archive("verify", "--all", "--from", w.target, "--json");
  assert.equal(verified.code, variant.unsound ? 1 : 0, verified.stdout + verified.stderr);
  if (variant.unsound) return;
  if (!isSkipped) {
    const settled = treeDigest(w.files, ["content"]);
    assert.equal((await put(w)).records[0]!["status"], "unchanged");
    assert.equal(treeDigest(w.files, ["content"]), settled);
  }
  await comesBack(w, variant, archived);
}

async function comesBack(
  w: LaterWorld,
  { status, back }: LaterVariant,
  archived: ReadonlyMap<string, string>,
): Promise<void> {
  const here = contentOf(path.dirname(w.ledger));
  const read = await w.archive("show", w.id, "--from", w.target, "--json");
  const { entries, seal: hasSeal } = read.records[0] as unknown as { entries: { path: string }[]; seal: boolean };
  assert.equal(
    hasSeal,
    entries.some(({ path: name }) => name === "ledger/ledger.seal"),
  );
  w.takeOut();
  const got = await w.archive("get", w.id, "--from", w.target, "--to", w.home, "--json");
  assert.equal(got.code, 0, got.stderr);
  const after = contentOf(path.dirname(w.ledger));
  if (status === "skipped") return;
  const names = back ?? [...here.keys()];
  assert.deepEqual([...after.keys()].sort(), [...names].sort());
  for (const name of names) assert.equal(after.get(name), here.get(name) ?? archived.get(name), name);
  if (!after.has("ledger.seal")) return;
  const verified = await runHere(ledgerTool, ["verify", w.id, "--home", w.home], { env: ENV });
  assert.deepEqual([verified.code, verified.records[0]!["status"]], [0, "ok"], verified.stdout);
}

for (const variant of VARIANTS) {
  for (const runtime of variant.runtimes ?? ["agh"]) {
    test(`${runtime}: what came later: ${variant.name}`, async (t) => {
      const world = await worldOf(t, runtime, directory(t));
      if (world) await tryVariant(world, variant);
    });
  }
}

const server = await startS3();
if (typeof server === "string") test("later parts on S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  let prefixes = 0;
  for (const variant of VARIANTS.filter(({ s3 }) => s3)) {
    test(`S3: what came later: ${variant.name}`, async (t) => {
      const prefix = `later-${++prefixes}`;
      const world = await worldOf(t, "agh", {
        target: `s3://${server.bucket}/${prefix}`,
        files: path.join(server.objects, prefix),
        keys: tempDir(t),
        archive: (...argv) => run("archive", argv, { env: { ...ENV, ...server.env } }),
      });
      await tryVariant(world!, variant);
    });
  }
}

test("the home reads the same from an archive with later parts", async (t) => {
  const world = (await worldOf(t, "agh", directory(t)))!;
  dropLedger(world);
  await put(world);
  await write(world);
  await seal(world);
  await put(world);
  const place = `archive:${world.target}`;
  const cat = (home: string): Promise<Ran> => runHere(ledgerTool, ["cat", world.id, "--home", home], { env: ENV });
  const [here, there] = [await cat(world.home), await cat(place)];
  assert.deepEqual([there.code, there.stdout.length > 0], [0, true], there.stderr);
  assert.deepEqual(
    there.records.map((event) => ({ ...event, home: "" })),
    here.records.map((event) => ({ ...event, home: "" })),
  );
  const verified = await runHere(ledgerTool, ["verify", world.id, "--home", place], { env: ENV });
  assert.equal(verified.records[0]!["status"], "ok", verified.stdout + verified.stderr);
});

test("put of a later ledger and seal killed at any call: the old receipt or the new, and the rerun completes", async () => {
  const home = (dir: string): string => path.join(dir, ".agh");
  const target = (dir: string): string => path.join(dir, "archives");
  const { killed } = await crashPoints({
    command: path.join(PROJECT, "bin/agh-archive.ts"),
    args: (dir) => ["put", "--all", "--home", home(dir), "--to", target(dir)],
    prepare: async (dir) => {
      makeHome(home(dir), { sessions: 2, events: 6 });
      for (const ledger of fs.globSync("sessions/*/*/ledger.jsonl", { cwd: home(dir) }))
        fs.rmSync(path.dirname(path.join(home(dir), ledger)), { recursive: true });
      await runHere(archiveTool, ["put", "--all", "--home", home(dir), "--to", target(dir)], { env: ENV });
      for (const verb of ["write", "seal"]) await onLedger({ home: home(dir) }, verb, "--all");
    },
    check: async (dir) => {
      const verified = await runHere(archiveTool, ["verify", "--all", "--from", target(dir)], { env: ENV });
      assert.deepEqual([verified.code, verified.records.at(-1)!["items"]], [0, 2], verified.stdout);
    },
    complete: async (dir, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      const names = fs.readdirSync(target(dir)).map((name) => name.slice(name.indexOf(".")));
      const each = [".ledger.zst", ".receipt.json", ".seal", ".tar.zst"];
      assert.deepEqual(names.sort(), [...each, ...each].sort());
      const verified = await runHere(archiveTool, ["verify", "--all", "--from", target(dir)], { env: ENV });
      assert.equal(verified.code, 0, verified.stdout);
    },
    points: 8,
  });
  assert.ok(killed > 4, `${killed} were killed`);
});

test("four puts at once of one later seal: one receipt, and it is true", async (t) => {
  const world = (await worldOf(t, "agh", directory(t)))!;
  await put(world);
  await seal(world);
  const argv = ["put", world.id, "--home", world.home, "--to", world.target];
  for (const { code, stderr } of await Promise.all(Array.from({ length: 4 }, () => run("archive", argv))))
    assert.equal(code, 0, stderr);
  assert.deepEqual(besideIn(world), ["seal"]);
  assert.equal((await world.archive("verify", "--all", "--from", world.target)).code, 0);
});

test("another state of a session that a running put has placed is not replaced: the receipt that comes is true", async (t) => {
  const world = (await worldOf(t, "agh", directory(t)))!;
  fs.mkdirSync(world.target);
  const other = zstdCompressSync(Buffer.from("another run is between its archive and its receipt"));
  fs.writeFileSync(fileIn(world, "tar.zst"), other);
  const done = await put(world);
  assert.deepEqual([done.code, done.records[0]!["status"]], [0, "archived"], done.stderr);
  const verified = await world.archive("verify", "--all", "--from", world.target, "--json");
  assert.deepEqual([verified.code, verified.records.length], [0, 2], verified.stdout);
  world.takeOut();
  assert.equal((await world.archive("get", world.id, "--from", world.target, "--to", world.home)).code, 0);
});

test("nothing to verify is not ok, nothing to list is", async (t) => {
  const { target, archive } = directory(t);
  assert.equal((await archive("verify", "--all", "--from", target)).code, 6);
  fs.mkdirSync(target);
  const { code, records } = await archive("verify", "--all", "--from", target, "--json");
  assert.deepEqual(
    [code, records.map(({ kind, code: finding, exit }) => finding ?? exit ?? kind)],
    [1, ["NO_ARCHIVES", 1]],
  );
  assert.equal((await archive("verify", "--all", "--agent", "coder", "--from", target)).code, 0);
  assert.equal((await archive("list", "--from", target)).code, 0);
});
