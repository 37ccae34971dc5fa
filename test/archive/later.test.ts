// What a session gets after it was archived: a seal, a ledger. It is added beside the archive, and nothing else ever is.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { crashPoints } from "../support/crash.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { removeSessions } from "./bench.ts";
import { placeOf, remove, sql } from "./row-place.ts";

const ENV = { HOME: "/nowhere" };

interface World {
  readonly home: string;
  readonly id: string;
  /** For a key. */
  readonly keys: string;
  /** As `--to` takes it, and where its files lie. */
  readonly target: string;
  readonly files: string;
  readonly ledger: string;
  /** Takes the session out of its home, as somebody with rm and sqlite3 would. */
  readonly takeOut: () => void;
  /** What the runtime would write when the session goes on. */
  readonly goOn: () => void;
  readonly archive: (...argv: string[]) => Promise<Outcome>;
}

/** In this process or another. */
interface Outcome extends Pick<Ran, "stdout" | "stderr"> {
  readonly code: number | null;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

type Runtime = "agh" | "agsh" | "agdd";
type Place = Pick<World, "target" | "files" | "archive" | "keys">;

const directory = (t: TestContext): Place => {
  const target = path.join(tempDir(t), "archives");
  return { target, files: target, keys: tempDir(t), archive: (...argv) => runHere(archiveTool, argv, { env: ENV }) };
};

async function worldOf(t: TestContext, runtime: Runtime, place: Place): Promise<World | undefined> {
  if (runtime === "agh") {
    const { home, ids } = madeHome(t, { sessions: 1, events: 12 });
    const id = ids[0]!;
    const [ledger] = fs.globSync(`sessions/*/${id}/ledger.jsonl`, { cwd: home });
    return {
      ...place,
      home,
      id,
      ledger: path.join(home, ledger!),
      takeOut: () => removeSessions(home, [id]),
      goOn: () => fs.appendFileSync(path.join(home, "sessions", id, "meta.json"), "\n"),
    };
  }
  const rows = placeOf(t, runtime);
  if (!rows) return undefined;
  const { home, file } = rows;
  const sessions = await runHere(inspect, ["sessions", "--json", "--home", home], { env: ENV });
  const { id } = sessions.records.find(
    ({ has, effective }) => (has as { events: boolean }).events && !["running", "unknown"].includes(String(effective)),
  ) as unknown as { id: string };
  const ledger = path.join(home, ".agh-ledgers", id, "ledger.jsonl");
  const other =
    runtime === "agsh"
      ? "UPDATE messages SET content = '\"other\"' WHERE session_id = ?"
      : "UPDATE runs SET tags = '[1]' WHERE run_id = ?";
  const goOn = (): void => sql(file, (db) => void db.prepare(other).run(id));
  const takeOut = (): void => {
    remove(rows, [id]);
    fs.rmSync(path.dirname(ledger), { recursive: true, force: true });
  };
  return { ...place, home, id, ledger, takeOut, goOn };
}

const onLedger = async ({ home }: Pick<World, "home">, ...argv: string[]): Promise<Ran> => {
  const ran = await runHere(ledgerTool, [...argv, "--home", home], { env: ENV });
  assert.equal(ran.code, 0, ran.stderr);
  return ran;
};

const put = ({ home, id, target, archive }: World) => archive("put", id, "--home", home, "--to", target, "--json");
const fileIn = ({ files, id }: World, suffix: string): string => path.join(files, `${id}.${suffix}`);
const sealOf = ({ ledger }: World): string => path.join(path.dirname(ledger), "ledger.seal");

const seal = (w: World) => onLedger(w, "seal", w.id);
const write = (w: World) => onLedger(w, "write", w.id);
const dropLedger = (w: World): void => fs.rmSync(path.dirname(w.ledger), { recursive: true, force: true });
const dropSeal = (w: World): void => fs.rmSync(sealOf(w), { force: true });

async function sign(w: World): Promise<void> {
  const key = path.join(w.keys, "ledger.key");
  assert.equal((await runHere(ledgerTool, ["keygen", key, "--name", "test.example/k"], { env: ENV })).code, 0);
  await onLedger(w, "seal", w.id, "--key", key);
}

const flip = (file: string): void => {
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(file, bytes);
};
const cut = (file: string): void => fs.truncateSync(file, fs.statSync(file).size - 1);

/** A receipt with another content, as whoever may write to the target could make it. */
function editReceipt(w: World, edit: (receipt: Record<string, unknown>) => void): void {
  const file = fileIn(w, "receipt.json");
  const { digest: _, ...receipt } = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
  edit(receipt);
  fs.writeFileSync(file, encodeSealed(receipt).bytes);
}

type Deed = (w: World) => unknown;

interface Variant {
  readonly name: string;
  /** Before the first put, and between the two. */
  readonly first?: readonly Deed[];
  readonly then: readonly Deed[];
  readonly status: "added" | "unchanged" | "archived" | "skipped";
  readonly reason?: RegExp;
  /** Of `NAME.…` in the target in the end, but for archive and receipt; H is a piece of a digest. */
  readonly beside?: readonly string[];
  readonly runtimes?: readonly Runtime[];
  readonly s3?: true;
  /** The archive is not sound in the end, and the session cannot come from it. */
  readonly unsound?: true;
  /** Ledger and seal are there when it came back; all that the home had unless given. */
  readonly back?: readonly string[];
}

const ALL: readonly Runtime[] = ["agh", "agsh", "agdd"];
const BOTH = ["ledger.jsonl", "ledger.seal"];

const VARIANTS: readonly Variant[] = [
  {
    name: "a seal",
    first: [write],
    then: [seal],
    status: "added",
    beside: ["seal"],
    runtimes: ALL,
  },
  { name: "a signed seal", first: [write], then: [sign], status: "added", beside: ["seal"] },
  { name: "a ledger", first: [dropLedger], then: [write], status: "added", beside: ["ledger.zst"] },
  {
    name: "a ledger and its seal",
    first: [dropLedger],
    then: [write, seal],
    status: "added",
    beside: ["ledger.zst", "seal"],
    runtimes: ALL,
    s3: true,
  },
  {
    name: "a ledger, and its seal still later",
    first: [dropLedger],
    then: [write, put, seal],
    status: "added",
    beside: ["ledger.zst", "seal"],
  },
  { name: "nothing", first: [write, seal], then: [], status: "unchanged", beside: [] },
  {
    name: "nothing after a seal was added",
    first: [write],
    then: [seal, put],
    status: "unchanged",
    beside: ["seal"],
  },
  {
    name: "another seal in the place of the archived one",
    first: [write, seal],
    then: [sign],
    status: "skipped",
    reason: /ledger\.seal changed since/,
    beside: [],
    runtimes: ALL,
  },
  {
    name: "another seal in the place of an added one",
    first: [write],
    then: [seal, put, sign],
    status: "skipped",
    reason: /ledger\.seal changed since/,
    beside: ["seal"],
  },
  {
    name: "another ledger",
    then: [(w) => fs.chmodSync(w.ledger, 0o600), (w) => fs.appendFileSync(w.ledger, "{}\n")],
    status: "skipped",
    reason: /ledger\.jsonl changed since/,
    beside: [],
  },
  {
    name: "fewer parts: the seal is gone from the home",
    first: [write, seal],
    then: [dropSeal],
    status: "unchanged",
    beside: [],
    back: BOTH,
  },
  {
    name: "fewer parts: ledger and an added seal are gone from the home",
    first: [write],
    then: [seal, put, dropLedger],
    status: "unchanged",
    beside: ["seal"],
    back: BOTH,
    s3: true,
  },
  {
    name: "a seal of a session that went on",
    first: [write],
    then: [seal, (w) => w.goOn()],
    status: "skipped",
    reason: /(?:meta\.json|rows\.jsonl) changed since/,
    beside: [],
    runtimes: ALL,
  },
  {
    name: "a seal, and the archive was cut: all of it is archived anew",
    first: [write],
    then: [seal, (w) => cut(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst"],
    s3: true,
  },
  {
    name: "the archive was lost",
    then: [(w) => fs.rmSync(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: [],
  },
  {
    name: "a seal, and a bit of the archive was flipped: reading it back shows it",
    first: [write],
    then: [seal, (w) => flip(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst"],
  },
  {
    name: "an added seal was cut: it is added again",
    first: [write],
    then: [seal, put, (w) => cut(fileIn(w, "seal"))],
    status: "added",
    beside: ["H.seal", "seal"],
  },
  {
    name: "an added seal was lost: it is added again",
    first: [write],
    then: [seal, put, (w) => fs.rmSync(fileIn(w, "seal"))],
    status: "added",
    beside: ["seal"],
  },
  {
    name: "an added seal was lost in both places",
    first: [write],
    then: [seal, put, (w) => fs.rmSync(fileIn(w, "seal")), dropSeal],
    status: "skipped",
    reason: /does not match its receipt/,
    beside: [],
    unsound: true,
  },
  {
    name: "an added ledger stays when the archive is made anew of less",
    first: [dropLedger],
    then: [write, put, dropLedger, (w) => cut(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst", "ledger.zst"],
    back: ["ledger.jsonl"],
  },
  {
    name: "a killed run left another seal there",
    first: [write],
    then: [seal, (w) => fs.writeFileSync(fileIn(w, "seal"), "another\n")],
    status: "added",
    beside: ["H.seal", "seal"],
  },
  {
    name: "a killed run left this very seal there",
    first: [write],
    then: [seal, (w) => fs.copyFileSync(sealOf(w), fileIn(w, "seal"))],
    status: "added",
    beside: ["seal"],
  },
  {
    name: "other times and modes alone",
    first: [write, seal],
    then: [(w) => fs.chmodSync(sealOf(w), 0o600), (w) => fs.utimesSync(sealOf(w), 1, 1)],
    status: "unchanged",
    beside: [],
  },
  {
    name: "a receipt of a newer version",
    first: [write],
    then: [seal, (w) => editReceipt(w, (receipt) => (receipt["format"] = 3))],
    status: "skipped",
    reason: /newer version of agh-toolkit: install a newer/,
    beside: [],
    unsound: true,
  },
  {
    name: "a receipt that names a file of somebody else's",
    first: [write],
    then: [
      seal,
      put,
      (w) => editReceipt(w, ({ later }) => ((later as Record<string, unknown>[])[0]!["key"] = "../../etc/passwd")),
    ],
    status: "skipped",
    reason: /is not a valid receipt/,
    beside: ["seal"],
    unsound: true,
  },
];

const contentOf = (dir: string): Map<string, string> =>
  new Map(
    fs.existsSync(dir)
      ? fs.readdirSync(dir).map((name) => [name, fs.readFileSync(path.join(dir, name), "latin1")])
      : [],
  );

const besideIn = ({ files, id }: World): string[] =>
  fs
    .readdirSync(files)
    .map((name) => name.slice(id.length + 1).replace(/^[0-9a-f]{16}\./, "H."))
    .filter((name) => name !== "tar.zst" && name !== "receipt.json")
    .sort();

async function tryVariant(w: World, variant: Variant): Promise<void> {
  for (const deed of variant.first ?? []) await deed(w);
  const archived = contentOf(path.dirname(w.ledger));
  assert.equal((await put(w)).code, 0);
  const format = (JSON.parse(fs.readFileSync(fileIn(w, "receipt.json"), "utf8")) as { format: number }).format;
  assert.equal(format, 1, "what an older version can say is said as it says it");
  for (const deed of variant.then) {
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

async function comesBack(w: World, { status, back }: Variant, archived: ReadonlyMap<string, string>): Promise<void> {
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
