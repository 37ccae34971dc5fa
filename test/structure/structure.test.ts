// Holds the house to its plan: who may import whom, what may stand where.
import assert from "node:assert/strict";
import { test } from "node:test";
import { importsOf, read, roomOf, sources, type Import } from "./imports.ts";

const TOOL_ROOMS = ["inspect", "backup", "archive", "ledger", "reconcile", "vacuum"].map((name) => `lib/${name}`);
const GROUND = ["lib/records", "lib/policy"];
const BELOW_TOOLS = [
  "lib/custody",
  "lib/places",
  "lib/journal",
  "lib/sources",
  "lib/stores",
  "lib/targets",
  "lib/formats",
  "lib/sqlite",
  "lib/files",
  ...GROUND,
];

/** Room → the rooms it may import. A source's folder may also import the sources' interface. */
const MAY: { readonly [room: string]: readonly string[] } = {
  bin: ["lib/cli", ...TOOL_ROOMS, "lib/records", "lib/policy", "lib/sources"],
  "lib/cli": [...GROUND, "lib/sources", "lib/files"],
  "lib/records": [],
  "lib/policy": ["lib/records"],
  "lib/files": GROUND,
  "lib/sqlite": ["lib/files", ...GROUND],
  "lib/sources": [
    "lib/sources/agh",
    "lib/sources/agsh",
    "lib/sources/agdd",
    "lib/journal",
    "lib/formats",
    "lib/sqlite",
    "lib/files",
    ...GROUND,
  ],
  "lib/journal": ["lib/formats", "lib/files", ...GROUND],
  "lib/targets": ["lib/files", ...GROUND],
  "lib/stores": ["lib/sqlite", "lib/files", ...GROUND],
  "lib/formats": ["lib/targets", "lib/sqlite", "lib/files", ...GROUND],
  "lib/places": [
    "lib/sources",
    "lib/stores",
    "lib/journal",
    "lib/targets",
    "lib/formats",
    "lib/files",
    "lib/sqlite",
    ...GROUND,
  ],
  "lib/custody": [
    "lib/places",
    "lib/sources",
    "lib/journal",
    "lib/targets",
    "lib/formats",
    "lib/files",
    "lib/sqlite",
    ...GROUND,
  ],
  // The API: what the commands are to a person, it is to a program.
  "lib/library": ["lib/cli", ...TOOL_ROOMS, ...BELOW_TOOLS],
  ...Object.fromEntries(TOOL_ROOMS.map((room) => [room, BELOW_TOOLS])),
};
const SOURCE_FOLDER = ["lib/sources", "lib/journal", "lib/sqlite", "lib/files", "lib/formats", ...GROUND];

const files = sources();
const all = files.flatMap(importsOf);

const offences = (wrong: (edge: Import) => string | false): string[] =>
  all.map((edge) => wrong(edge)).filter((message) => message !== false);

const inside = (room: string, of: string): boolean => room === of || room.startsWith(`${of}/`);

test("rooms import only what lies below them", () => {
  const bad = offences(({ from, to }) => {
    if (!to.startsWith("lib/") && !to.startsWith("bin/")) return false;
    const [room, other] = [roomOf(from), roomOf(to)];
    if (room === other || (room === "lib" && from === "lib/index.ts")) return false;
    if (to.startsWith("bin/")) return `${from} imports the face ${to}`;
    const allowed = /^lib\/sources\/\w+$/.test(room) ? SOURCE_FOLDER : (MAY[room] ?? []);
    return !allowed.some((name) => inside(other, name)) && `${from} imports ${to}`;
  });
  assert.deepEqual(bad, []);
});

test("a source's folder never imports another's", () => {
  const folder = (file: string): string | undefined => /^lib\/sources\/(\w+)\//.exec(file)?.[1];
  const bad = offences(({ from, to }) => {
    const [a, b] = [folder(from), folder(to)];
    return a !== undefined && b !== undefined && a !== b && `${from} imports ${to}`;
  });
  assert.deepEqual(bad, []);
});

test("a face loads its room only when a verb runs", () => {
  const bad = offences(
    ({ from, to, lazy, typeOnly }) =>
      from.startsWith("bin/") &&
      TOOL_ROOMS.includes(roomOf(to)) &&
      !lazy &&
      !typeOnly &&
      `${from} imports ${to} at start`,
  );
  assert.deepEqual(bad, []);
});

/** Package → the only files that may import it; true where it must be lazy. */
const ONLY: readonly (readonly [name: string, where: RegExp, lazy: boolean])[] = [
  ["node:sqlite", /^lib\/sqlite\//, false],
  ["citty", /^lib\/cli\//, false],
  ["picocolors", /^lib\/cli\//, false],
  ["node:process", /^nowhere$/, false],
  ["tar", /^lib\/files\//, true],
  ["cron", /^lib\/policy\/schedule\.ts$/, true],
  ["age-encryption", /^lib\/formats\/age\b/, true],
  ["@aws-sdk/client-s3", /^lib\/targets\/s3\b/, true],
  ["hyparquet-writer", /^lib\/formats\/parquet\/parquet\.ts$/, true],
  ["smol-toml", /^lib\/(?:sources|reconcile)\//, true],
];

test("libraries are imported where they belong, heavy ones when they are needed", () => {
  const bad = ONLY.flatMap(([name, where, lazily]) =>
    offences(({ from, to, lazy, typeOnly }) => {
      if (to !== name || typeOnly) return false;
      if (!where.test(from)) return `${from} imports ${name}`;
      return lazily && !lazy && `${from} imports ${name} at start`;
    }),
  );
  assert.deepEqual(bad, []);
});

test("there are no import cycles", () => {
  const edges = new Map(
    files.map((file) => [file, all.filter(({ from, typeOnly }) => from === file && !typeOnly).map(({ to }) => to)]),
  );
  const state = new Map<string, "open" | "closed">();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === "closed") return;
    if (state.get(file) === "open") {
      cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    state.set(file, "open");
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    state.set(file, "closed");
  };
  for (const file of files) visit(file, []);
  assert.deepEqual(cycles, []);
});

test("only lib/cli knows the process, the console and the terminal", () => {
  const bad = files.filter(
    (file) =>
      !file.startsWith("lib/cli/") &&
      /\b(?:process\.(?:argv|env|exit|exitCode|std\w+|on|once|kill|cwd|chdir|umask|platform|hrtime)\b|console\.\w+)/.test(
        code(file),
      ),
  );
  assert.deepEqual(bad, []);
});

test("SQL stands only in sources and stores", () => {
  const statement =
    /["'`]\s*(?:SELECT\s|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(?:TABLE|INDEX|VIRTUAL))/i;
  const bad = files.filter((file) => !/^lib\/(?:sources|stores|sqlite)\//.test(file) && statement.test(code(file)));
  assert.deepEqual(bad, []);
});

test("every file says on its first line what it is for", () => {
  const bad = files.filter((file) => {
    const [first, second] = read(file).split("\n");
    return !/^\/\/ \S.{10,}/.test(first!.startsWith("#!") ? second! : first!);
  });
  assert.deepEqual(bad, []);
});

test("no file is called by what it is instead of what it does", () => {
  const bad = files.filter((file) => /(?:^|[-/])(?:utils?|helpers?|manager|service|common-?\w*s|base)\.ts$/.test(file));
  assert.deepEqual(bad, []);
});

test("no barrel but lib/index.ts", () => {
  const bad = files.filter(
    (file) => file !== "lib/index.ts" && (/^export \* /m.test(read(file)) || file.endsWith("/index.ts")),
  );
  assert.deepEqual(bad, []);
});

test("nobody calls process.exit: it cuts a slow pipe", () => {
  assert.deepEqual(
    files.filter((file) => /process\.exit\(/.test(code(file))),
    [],
  );
});

/** The text without comments. */
function code(file: string): string {
  return read(file)
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
}
