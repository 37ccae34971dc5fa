// Archives from a hostile hand are refused whole: nothing is written in the home, beside it or anywhere else.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { decodeReceipt, type Receipt, type ReceiptFile } from "../../lib/formats/archive/receipt.ts";
import { madeHome } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { archive, archived, ids } from "./bench.ts";
import { forge, gzipped, inner, paxEntry, rawEntry, tarOf, type Entry } from "./tars.ts";

const ID = "sess-00000000000000aa";
const META = JSON.stringify({ id: ID, agent_name: "a", workspace_id: "ws_1", state: "stopped" });
const inSession = (name: string): string => `${ID}/${name}`;

/** -512 as GNU writes numbers that octal digits cannot. */
const NEGATIVE = Buffer.from("fffffffffffffffffffffe00", "hex");

/**
 * What each published advisory of node-tar since 2021 was about, and more of the same kind. Not here, for they are about
 * what it does to the file system or the file it reads, which is not asked of it: GHSA-29xp-372q-qqph (CVE-2025-64118,
 * a file that shrinks while it is listed), GHSA-23hp-3jrh-7fpw (CVE-2026-59873, bombs: see below).
 */
const HOSTILE: readonly (readonly [what: string, ...entries: (Entry | Buffer)[]])[] = [
  [
    "CVE-2021-32803: a directory that is replaced by a link",
    { name: inSession("d/"), type: "5" },
    { name: inSession("d"), type: "2", link: "/tmp" },
    { name: inSession("d/x"), content: "x" },
  ],
  ["CVE-2021-32804: an absolute path", { name: "/tmp/agh-hostile", content: "x" }],
  ["CVE-2021-32804: an absolute path behind many slashes", { name: "////tmp/agh-hostile", content: "x" }],
  [
    "CVE-2021-37701: a link whose name has a backslash",
    { name: inSession("a\\b"), type: "2", link: "/tmp" },
    { name: inSession("a/b/x"), content: "x" },
  ],
  ["CVE-2021-37701: a name with a backslash", { name: inSession("..\\x"), content: "x" }],
  [
    "CVE-2021-37712: one name in two Unicode forms",
    { name: inSession("caf\u00e9"), content: "x" },
    { name: inSession("cafe\u0301"), content: "y" },
  ],
  ["CVE-2021-37713: a path relative to a drive", { name: "C:../agh-hostile", content: "x" }],
  ["CVE-2021-37713: a drive's root", { name: "C:/agh-hostile", content: "x" }],
  [
    "CVE-2024-28863: a path of a thousand directories",
    paxEntry("path", `${"a/".repeat(3000)}x`, { name: "x", content: "x" }),
  ],
  ["CVE-2026-23745: a hard link to an absolute path", { name: inSession("l"), type: "1", link: "/etc/passwd" }],
  ["CVE-2026-23745: a symbolic link to an absolute path", { name: inSession("l"), type: "2", link: "/etc/passwd" }],
  [
    "CVE-2026-23950: names that are one on a folding file system",
    { name: inSession("stra\u00dfe"), content: "x" },
    { name: inSession("strasse"), type: "2", link: "/tmp" },
  ],
  [
    "CVE-2026-23950: files whose names fold to one",
    { name: inSession("stra\u00dfe"), content: "x" },
    { name: inSession("STRASSE"), content: "y" },
  ],
  [
    "CVE-2026-24842: a hard link out of the directory",
    { name: inSession("l"), type: "1", link: "../../../../etc/passwd" },
  ],
  [
    "CVE-2026-26960: a hard link through a chain of links",
    { name: inSession("a"), type: "2", link: ".." },
    { name: inSession("b"), type: "2", link: "a/.." },
    { name: inSession("c"), type: "1", link: "b/etc/passwd" },
  ],
  ["CVE-2026-29786: a hard link relative to a drive", { name: inSession("l"), type: "1", link: "C:../x" }],
  ["CVE-2026-31802: a symbolic link relative to a drive", { name: inSession("l"), type: "2", link: "C:../../x" }],
  [
    "CVE-2026-53655: a pax size that is applied to a GNU long name instead of the file, which hides an entry",
    paxEntry("size", "2048", { name: "././@LongLink", type: "L", content: `${inSession("long")}\0` }),
    { name: inSession("x"), content: "x".repeat(2048) },
    { name: inSession("../hidden"), content: "x" },
  ],
  [
    "CVE-2026-59871: a pax path that is a number",
    paxEntry("path", "123", { name: "x", content: "x" }),
    { name: "123", content: "y" },
  ],
  ["CVE-2026-59874: a negative size", { name: inSession("x"), sizeField: NEGATIVE }],
  ["CVE-2026-59875: a NUL in a pax record", paxEntry("path", inSession("a\0b"), { name: "x", content: "x" })],
  ["GHSA-r292-9mhp-454m: a path of 30,000 directories", paxEntry("path", `${"a/".repeat(30_000)}x`, { name: "x" })],
  ["a path with ..", { name: inSession("../../x"), content: "x" }],
  ["a path with .. behind a pax header", paxEntry("path", inSession("../../x"), { name: "x", content: "x" })],
  ["the same name twice", { name: inSession("x"), content: "x" }, { name: inSession("x"), content: "y" }],
  ["names that differ in case", { name: inSession("X"), content: "x" }, { name: inSession("x"), content: "y" }],
  [
    "directories that differ in case",
    { name: inSession("D/x"), content: "x" },
    { name: inSession("d/y"), content: "y" },
  ],
  [
    "a trailing dot that some file systems drop",
    { name: inSession("x"), content: "x" },
    { name: inSession("x."), content: "y" },
  ],
  ["a path through a file", { name: inSession("x"), content: "x" }, { name: inSession("x/y"), content: "y" }],
  ["a device", { name: inSession("null"), type: "3" }],
  ["a block device", { name: inSession("sda"), type: "4" }],
  ["a pipe", { name: inSession("fifo"), type: "6" }],
  ["a control character", { name: inSession("a\u001b[31m"), content: "x" }],
];

/** Their first entry is harmless and cannot be listed as it is: the archive is damaged (6) before it is hostile. */
const UNLISTED = /^CVE-2021-32803|^CVE-2021-37712|^CVE-2026-23950|^CVE-2026-59871/;

function world(t: TestContext) {
  const { home } = madeHome(t, { sessions: 1 });
  const target = path.join(tempDir(t), "archives");
  return { home, target, outside: path.dirname(target) };
}

async function refused(home: string, target: string, what: string, exit = 4): Promise<void> {
  const before = treeState(path.dirname(home));
  const beside = treeState(path.dirname(target));
  const { code, stderr } = await archive("get", ID, "--from", target, "--to", home);
  assert.equal(code, exit, `${what}: ${stderr}`);
  assert.match(stderr, /contains|is damaged|is truncated|nothing was written/, what);
  // Its own lock and an empty journal may be there; nothing else may.
  assertUntouched(before, treeState(path.dirname(home)), {
    fields: ["atimeNs", "mtimeNs", "ctimeNs"],
    paths: (name) => /\.agh-toolkit(?:\/|$)|\.agh\/daemon\.lock$/.test(name),
  });
  assert.deepEqual(leftIn(home), [], what);
  assertUntouched(beside, treeState(path.dirname(target)));
  assert.equal(fs.existsSync("/tmp/agh-hostile"), false, what);
}

const leftIn = (home: string): string[] => {
  const dir = path.join(home, ".agh-toolkit/journal");
  return fs.existsSync(dir) ? fs.readdirSync(dir) : [];
};

test("a tar made by hand that is hostile writes nothing", async (t) => {
  const { home } = world(t);
  for (const [what, ...entries] of HOSTILE) {
    const target = path.join(tempDir(t), "archives");
    fs.mkdirSync(target);
    const honest: Entry[] = [
      { name: inSession("meta.json"), content: META },
      { name: inSession("events.db"), content: "x" },
    ];
    fs.writeFileSync(path.join(target, `${ID}.tar.gz`), gzipped(tarOf(...honest, ...entries)));
    await refused(home, target, what);
  }
});

async function honestReceipt(home: string, target: string): Promise<Receipt> {
  const put = await archived("put", "--all", "--home", home, "--to", target);
  const file = path.join(target, `${ids(put)[0]!}.receipt.json`);
  return { ...(decodeReceipt(fs.readFileSync(file)) as Receipt), session_id: ID };
}

const fileOf = (name: string, content: string): ReceiptFile => ({
  path: name,
  type: "file",
  size: Buffer.byteLength(content),
  mode: "0644",
  mtime_us: 0,
  sha256: createHash("sha256").update(content).digest("hex"),
});

test("an archive of ours that was forged, with a receipt that agrees, writes nothing", async (t) => {
  const made = madeHome(t, { sessions: 1 });
  const receipt = await honestReceipt(made.home, path.join(tempDir(t), "honest"));
  const { home } = world(t);
  for (const [what, ...entries] of HOSTILE) {
    const target = path.join(tempDir(t), "archives");
    const listed = entries
      .filter((entry): entry is Entry => !Buffer.isBuffer(entry))
      .map((entry) => fileOf(entry.name.replace(`${ID}/`, ""), entry.content ?? ""));
    forge(target, receipt, (it) => tarOf(...entries, { name: inSession("receipt.json"), content: inner(it) }), listed);
    await refused(home, target, what, UNLISTED.test(what) ? 6 : 4);
  }
});

test("rows of other sessions, tables and columns in an archive are refused", async (t) => {
  const made = madeHome(t, { sessions: 1 });
  const receipt = await honestReceipt(made.home, path.join(tempDir(t), "honest"));
  const header = JSON.stringify({ table: "sessions", columns: ["id", "state"] });
  for (const [what, row] of [
    ["another session's row", JSON.stringify({ table: "sessions", row: { id: "sess-other", state: "active" } })],
    ["an unknown column", JSON.stringify({ table: "sessions", row: { id: ID, "state) --": "x" } })],
    ["a value of no type", JSON.stringify({ table: "sessions", row: { id: { evil: true } } })],
    ["no JSON", "{"],
    ["a prototype", '{"table":"sessions","row":{"__proto__":{"x":1}}}'],
  ] as const) {
    const { home, target } = world(t);
    const rows = `${header}\n${row}\n`;
    const files = [
      { path: "session", type: "directory", size: 0, mode: "0755", mtime_us: 0 } as const,
      fileOf("rows.jsonl", rows),
    ];
    forge(
      target,
      receipt,
      (it) =>
        tarOf(
          { name: `${ID}/session/`, type: "5", mode: 0o755 },
          { name: inSession("rows.jsonl"), content: rows },
          { name: inSession("receipt.json"), content: inner(it) },
        ),
      files,
    );
    await refused(home, target, what);
  }
});

test("a ledger partition or an id that leads elsewhere is refused", async (t) => {
  const made = madeHome(t, { sessions: 1 });
  const receipt = await honestReceipt(made.home, path.join(tempDir(t), "honest"));
  for (const partition of ["../../..", "/tmp", "a/b", ""]) {
    const { home, target } = world(t);
    forge(target, { ...receipt, ledger_partition: partition }, (it) =>
      tarOf({ name: inSession("receipt.json"), content: inner(it) }),
    );
    const { code, stderr } = await archive("get", ID, "--from", target, "--to", home);
    assert.equal(code, 4, stderr);
  }
});

test("GHSA-23hp-3jrh-7fpw: a bomb ends at what its receipt, or its own size, allows", async (t) => {
  const { home, target } = world(t);
  fs.mkdirSync(target);
  const zeros = Buffer.alloc(150 << 20);
  const bomb = Buffer.concat([
    rawEntry({ name: inSession("meta.json"), content: META }),
    rawEntry({ name: inSession("events.db"), size: zeros.length }),
    zeros,
    Buffer.alloc(1024),
  ]);
  fs.writeFileSync(path.join(target, `${ID}.tar.gz`), gzipped(bomb));
  await refused(home, target, "a bomb by hand");
  const made = madeHome(t, { sessions: 1 });
  const receipt = await honestReceipt(made.home, path.join(tempDir(t), "honest"));
  const other = world(t);
  forge(other.target, receipt, () => bomb, [fileOf("meta.json", META)]);
  await refused(other.home, other.target, "a bomb with a receipt", 6);
});
