// Whoever may write to a repository can put anything under a digest: no verb believes it, none crashes, and restore writes nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { chunkId, compress } from "../../lib/formats/repository/chunk.ts";
import { encodePage, type ListingLine } from "../../lib/formats/repository/listing.ts";
import { openRepository } from "../../lib/formats/repository/repository.ts";
import { readListing, resolveSnapshot } from "../../lib/formats/repository/snapshots.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { madeHome } from "../support/homes.ts";
import { bench, type Bench } from "./tool.ts";

type Json = { [key: string]: unknown };

/** What is forged, and whether restore refuses it before anything is written. */
interface Forgery {
  readonly name: string;
  readonly lines?: (lines: Json[]) => readonly (Json | string)[];
  readonly refs?: (refs: Json[]) => readonly (Json | string)[];
  readonly manifest?: (manifest: Json) => Json;
  readonly index?: (lines: Json[]) => readonly (Json | string)[] | Buffer;
}

const on =
  (path: string, change: (line: Json) => Json): NonNullable<Forgery["lines"]> =>
  (lines) =>
    lines.map((line) => (line["path"] === path ? change(line) : line));
const setting = (name: string, change: Json, path = "config.toml"): Forgery => ({
  name,
  lines: on(path, (line) => ({ ...line, ...change })),
});
/** A line with a name of its own, in its place. */
const adding = (name: string, path: string, more: Json = {}): Forgery => ({
  name,
  lines: (lines) => {
    const line = { ...lines.find((each) => each["path"] === "config.toml")!, path, ...more };
    return [...lines, line].sort((a, b) => order(a, b));
  },
});
const order = (a: Json, b: Json): number => {
  const [x, y] = [a, b].map(({ path }) => String(path).replaceAll("/", "\u0001"));
  return x! < y! ? -1 : x! > y! ? 1 : 0;
};
const head = (name: string, change: Json): Forgery => ({ name, manifest: (manifest) => ({ ...manifest, ...change }) });
const totals = (name: string, value: unknown): Forgery => ({
  name,
  manifest: (manifest) => ({ ...manifest, totals: { ...(manifest["totals"] as Json), bytes: value } }),
});
const chunk = (name: string, at: number, value: unknown): Forgery => ({
  name,
  index: (lines) =>
    lines.map((line) => ({
      ...line,
      chunks: (line["chunks"] as unknown[][]).map((each) => each.with(at, value)),
    })),
});
const DEEP = `${"[".repeat(5000)}${"]".repeat(5000)}`;
const HUGE = 2 ** 53;

const FORGERIES: readonly Forgery[] = [
  adding("a path that leads out", "../evil"),
  adding("a path that leads out below", "skills/../../evil"),
  adding("an absolute path", "/etc/evil"),
  adding("an empty part", "skills//evil"),
  adding("a NUL in a name", "evil\0name"),
  adding("a backslash in a name", "evil\\name"),
  adding("a line break in a name", "evil\nname"),
  adding("a name of 300 bytes", "e".repeat(300)),
  adding("a path of 5,000 bytes", `${"e/".repeat(2500)}e`),
  adding("half a surrogate", "evil\ud800"),
  adding("a name that differs in case only", "CONFIG.toml"),
  adding("a name that differs in form only", "ｃonfig.toml"),
  adding("a path through a file", "config.toml/evil"),
  { name: "the same name twice", lines: (lines) => lines.flatMap((line) => [line, line]) },
  { name: "lines in another order", lines: (lines) => lines.toReversed() },
  { name: "one line less than the manifest says", lines: (lines) => lines.slice(0, -1) },
  setting("a root that leads out", { root: "../x" }),
  setting("a type that nobody knows", { type: "symlink" }),
  setting("a type that is a number", { type: 7 }),
  setting("a root that is a file", { type: "file" }, ""),
  setting("a mode of digits that are none", { mode: "9999" }),
  setting("a mode that is a number", { mode: 420 }),
  setting("a time beyond all times", { mtime_ns: "9".repeat(30) }),
  setting("a time that is no number", { mtime_ns: "NaN" }),
  setting("a negative size", { size: -1 }),
  setting("a size of 2^53", { size: HUGE }),
  setting("a size that is text", { size: "12" }),
  setting("a size that its chunks do not have", { size: 1_000_000_000_000 }),
  setting("a digest that is none", { sha256: "zz" }),
  setting("chunks that are text", { chunks: "all of them" }),
  setting("a database that is text", { database: "yes" }),
  setting("a WAL of a negative size", {
    database: { pages: 1, copied: "pair", last_sequence: 1, wal: { size: -1, chunks: [], stat: "" } },
  }),
  setting("a WAL without chunks", {
    database: { pages: 1, copied: "pair", last_sequence: 1, wal: { size: HUGE - 1, chunks: [], stat: "" } },
  }),
  setting("a last sequence beyond numbers", { database: { pages: 1, copied: "pair", last_sequence: HUGE } }),
  { name: "a line that is no JSON", lines: (lines) => [...lines.slice(0, -1), "{"] },
  { name: "a line of JSON nested 5,000 deep", lines: (lines) => [...lines.slice(0, -1), `{"root":${DEEP}}`] },
  { name: "a line that is null", lines: (lines) => [...lines.slice(0, -1), "null"] },
  { name: "a page that is text", refs: () => ["page"] },
  { name: "a page without a digest", refs: (refs) => refs.map((ref) => ({ ...ref, sha256: null })) },
  { name: "a page of a digest that leads out", refs: (refs) => refs.map((ref) => ({ ...ref, sha256: "../../x" })) },
  totals("bytes of the manifest that are negative", -5),
  totals("bytes of the manifest that are text", "NaN"),
  totals("bytes of the manifest beyond numbers", 2 ** 60),
  head("no totals", { totals: null }),
  head("tags that are text", { tags: "a" }),
  head("a time that is none", { finished_at: "yesterday" }),
  head("coverage of nothing", { coverage: [null] }),
  head("counts that are negative", { coverage: [{ root: "home", path: "x", class: "other", reason: "x", files: -1 }] }),
  head("an id that leads out", { id: "../../x" }),
  head("suspicions that are numbers", { suspicions: [1] }),
  head("a runtime that nobody knows", { runtime: "none" }),
  head("a listing of no chunks", { listing: { chunks: "none", pages: 1, lines: 1 } }),
  head("evidence nested 500 deep", {
    suspicions: [{ code: "X", message: "x", evidence: JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`) as unknown }],
  }),
  chunk("an offset beyond the pack", 1, 2 ** 31),
  chunk("a negative offset", 1, -1),
  chunk("a length of 2^53", 2, HUGE),
  chunk("a size of gigabytes", 3, 2 ** 32),
  chunk("a size that is text", 3, "4"),
  chunk("a digest of a chunk that is none", 0, 12),
  { name: "an index without an end", index: () => zstdCompressSync(Buffer.from('{"pack":"')) },
  { name: "an index that is no JSON", index: () => ["{"] },
  { name: "an index of a gigabyte", index: () => zstdCompressSync(Buffer.alloc(1 << 28)) },
  { name: "an index of bytes that are none", index: () => Buffer.from("no index") },
];

const file = ({ repo }: Bench, key: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(join(repo, key)), { recursive: true });
  writeFileSync(join(repo, key), bytes);
};

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const textOf = (lines: readonly (Json | string)[]): string[] =>
  lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));

/** Puts the forged listing, manifest or index into the repository, with every digest as it has to be. */
async function forge(bare: Bench, { lines, refs, manifest: change, index }: Forgery): Promise<void> {
  const repo = await openRepository(bare.repo);
  const manifest = await resolveSnapshot(repo, "latest");
  const all: Json[] = [];
  for await (const line of readListing(repo, manifest)) all.push(line as ListingLine & Json);
  const [indexFile] = readdirSync(join(bare.repo, "indexes"));
  if (index) {
    const found = (await repo.indexLines(`indexes/${indexFile}`))!;
    const made = index(found as unknown as Json[]);
    const bytes = Buffer.isBuffer(made) ? made : zstdCompressSync(Buffer.from(`${textOf(made).join("\n")}\n`));
    rmSync(join(bare.repo, "indexes", indexFile!));
    file(bare, `indexes/${digestOf(bytes)}.jsonl.zst`, bytes);
    return;
  }
  const forged = textOf(lines ? lines(all) : all);
  const page = encodePage(forged);
  const ref = { sha256: chunkId(page), root: "home", path: "", lines: forged.length };
  const list = encodePage(textOf(refs ? refs([ref]) : [ref]));
  const frames = [page, list].map((content) => ({ content, frame: compress(content) }));
  const pack = Buffer.concat(frames.map(({ frame }) => frame));
  let offset = 0;
  const chunks = frames.map(({ content, frame }) => {
    const place = [chunkId(content), offset, frame.length, content.length];
    offset += frame.length;
    return place;
  });
  const name = digestOf(pack);
  file(bare, `packs/${name.slice(0, 2)}/${name}.pack`, pack);
  const indexBytes = zstdCompressSync(Buffer.from(`${JSON.stringify({ pack: name, chunks })}\n`));
  file(bare, `indexes/${digestOf(indexBytes)}.jsonl.zst`, indexBytes);
  const { digest: _, ...content } = manifest;
  const isShort = lines !== undefined && forged.length < all.length;
  const listing = { chunks: [chunkId(list)], pages: 1, lines: isShort ? all.length : forged.length };
  const next = change?.({ ...content, listing }) ?? { ...content, listing };
  file(bare, `snapshots/${manifest.id}.json`, encodeSealed(next).bytes);
}

async function forgedBench(t: TestContext, home: string, forgery: Forgery): Promise<Bench> {
  const repo = await bench(t);
  await repo.create(home);
  await forge(repo, forgery);
  return repo;
}

test("what a forged repository says is refused whole, by every verb, and nothing crashes", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  assert.ok(FORGERIES.length >= 25);
  const before = process.memoryUsage().rss;
  for (const forgery of FORGERIES) {
    const repo = await forgedBench(t, home, forgery);
    const to = join(repo.dir, "out");
    const verified = await repo.run("verify", "--all", "--level", "deep");
    const restored = await repo.run("restore", "latest", "--to", to);
    const drilled = await repo.run("drill");
    const shown = await repo.run("show", "latest");
    const codes = [verified, restored, drilled, shown].map(({ code }) => code);
    const seen = `${forgery.name}: ${codes.join()} ${verified.stdout}${restored.stderr}${drilled.stderr}`.slice(
      0,
      1500,
    );
    assert.ok(!codes.includes(70), seen);
    const isUnknownRuntime = forgery.name === "a runtime that nobody knows";
    if (!isUnknownRuntime) {
      assert.equal(verified.code, 1, seen);
      assert.notEqual(drilled.code, 0, seen);
    }
    assert.notEqual(restored.code, 0, seen);
    if (restored.code === 4) assert.ok(!existsSync(to), seen);
    assert.ok(!existsSync(join(repo.dir, "evil")), seen);
    rmSync(repo.dir, { recursive: true, force: true });
  }
  assert.ok(process.memoryUsage().rss - before < 400 << 20, "no huge allocation");
});

test("a repository that is only rewritten is as good as before", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await forgedBench(t, home, { name: "nothing", lines: (lines) => lines });
  for (const verb of [
    ["verify", "--all", "--level", "deep"],
    ["drill"],
    ["restore", "latest", "--to", join(repo.dir, "out")],
  ])
    assert.equal((await repo.run(...verb)).code, 0, verb.join(" "));
});

test("names that not every file system can hold come back where create has met them", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const names = ["back\\slash", "line\nbreak", "README", "readme", "C:", "tab\tname"];
  mkdirSync(join(home, "skills"), { recursive: true });
  for (const name of names) writeFileSync(join(home, "skills", name), name);
  const repo = await bench(t);
  await repo.create(home);
  assert.equal((await repo.run("drill")).code, 0);
  await repo.ok("verify", "--all", "--level", "deep");
  const to = await repo.restore();
  for (const name of names) assert.equal(readFileSync(join(to, "skills", name), "utf8"), name);
});

const SEALED: readonly (readonly [name: string, kind: "drills" | "marks" | "accepted", content: Json])[] = [
  ["a verdict that is none", "drills", { verdict: "fine" }],
  ["findings that are text", "drills", { verdict: "passed", findings: "none" }],
  ["a time that is none", "drills", { verdict: "passed", findings: [], counts: {}, started_at: "x", finished_at: "x" }],
  ["counts that are null", "drills", { verdict: "passed", findings: [], counts: null }],
  ["a grace that is text", "marks", { format: 1, at: "2026-01-01T00:00:00Z", grace_ms: "x", packs: {} }],
  ["packs that are null", "marks", { format: 1, at: "2026-01-01T00:00:00Z", grace_ms: 1, packs: null }],
  ["marks of no time", "marks", { format: 1, at: "now", grace_ms: 1, packs: {} }],
  ["a reason that is a number", "accepted", { snapshot: "x", home_id: "x", because: 1, accepted_at: "2026-01-01" }],
  ["an acceptance of no time", "accepted", { snapshot: "x", home_id: "x", because: "x", accepted_at: "x" }],
  ["an acceptance of nothing", "accepted", {}],
];

test("what is kept beside the snapshots is looked at as well: results, marks, acceptances", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const id = "01M8QQZ4AD1QGQN23RK74QYMN0";
  const repo = await bench(t);
  await repo.create(home);
  for (const [name, kind, content] of SEALED) {
    const key = `${kind}/${id}.json`;
    file(repo, key, encodeSealed({ ...content, id }).bytes);
    const { code, records } = await repo.run("verify", "--all");
    assert.deepEqual([code, records[0]!["id"]], [1, key], name);
    for (const verb of [["status"], ["drill", "--dry-run"], ["list"], ["create", "--home", home]])
      assert.ok([0, 1, 3].includes((await repo.run(...verb)).code), `${name}: ${verb.join(" ")}`);
    rmSync(join(repo.repo, key));
  }
});
