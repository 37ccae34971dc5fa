// The shell: strict command lines, formats, errors and exit codes, run in process on a toy tool.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runHere } from "../support/memory.ts";
import { toy } from "./toy.ts";

const usage: readonly (readonly [line: string, says: RegExp])[] = [
  ["", /name a verb/],
  ["lsit", /verb 'lsit' does not exist[\s\S]*toy list/],
  ["--limit 2 list", /verb comes first[\s\S]*toy list --limit 2/],
  ["list --bogus", /unknown flag --bogus/],
  ["list --lmit 2", /did you mean --limit/],
  ["list -z", /unknown flag -z/],
  ["list --no-bogus", /unknown flag --no-bogus/],
  ["list --no-apply", /unknown flag --no-apply/],
  ["list --limit", /--limit needs a value/],
  ["list --limit=", /--limit needs a value/],
  ["list --limit --json", /--limit needs a value, but '--json' follows/],
  ["list --limit 0", /not a whole number/],
  ["list --limit 1.5", /not a whole number/],
  ["list --limit 1 --limit 2", /given twice/],
  ["list --apply=3", /takes no value/],
  ["list --how medium", /one of fast, slow/],
  ["list extra", /unexpected operand 'extra'/],
  ["list -- --json", /unexpected operand '--json'/],
  ["list --json --format csv", /exclude each other/],
  ["list --fields nmae", /did you mean name/],
  ["list --now yesterday", /not a point in time/],
  ["list --limit 99999999999999999999", /not a whole number/],
];

for (const [line, says] of usage) {
  test(`usage: toy ${line}`, async () => {
    const { code, stdout, stderr } = await runHere(toy, line.split(" ").filter(Boolean));
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, says);
  });
}

test("an empty value or operand is a usage error", async () => {
  assert.equal((await runHere(toy, ["act", ""])).code, 2);
  assert.equal((await runHere(toy, ["list", "--state", ""])).code, 2);
});

test("repeated and comma-separated values add up, negative toggles and short flags are read", async () => {
  const { records } = await runHere(toy, ["list", "--state", "a,b", "--state=c", "-an", "--no-colour", "--limit", "1"]);
  assert.deepEqual(records, [{ kind: "session", id: "s-1", name: "a+b+c" }]);
});

test("formats: JSON Lines in a pipe, a table on a terminal, csv, ids, fields", async () => {
  assert.equal((await runHere(toy, ["list", "--limit", "1"])).stdout, '{"kind":"session","id":"s-1","name":""}\n');
  assert.equal(
    (await runHere(toy, ["list", "--limit", "1"], { tty: true, env: { NO_COLOR: "1" } })).stdout,
    "ID\ns-1\n",
  );
  assert.equal((await runHere(toy, ["list", "--format", "ids"])).stdout, "s-1\ns-2\ns-3\n");
  assert.equal((await runHere(toy, ["list", "--limit", "1", "--fields", "id"])).stdout, '{"id":"s-1"}\n');
  const csv = (await runHere(toy, ["list", "--limit", "1", "--format", "csv", "--fields", "id,name", "--state", 'x"y']))
    .stdout;
  assert.equal(csv, 'id,name\r\ns-1,"x""y"\r\n');
});

test("no records, no lines", async () => {
  const { code, stdout } = await runHere(toy, ["act"]);
  assert.equal(code, 0);
  assert.equal(
    stdout
      .split("\n")
      .filter((line) => !line.includes("summary"))
      .join(""),
    "",
  );
});

test("a block passes unchanged as JSON, and is made harmless in a table", async () => {
  assert.match((await runHere(toy, ["block"])).stdout, /"content":1e-07/);
  const { stdout } = await runHere(toy, ["block", "--format", "table"]);
  assert.match(stdout, /\\e\[31m/);
  assert.doesNotMatch(stdout, /\u001b\[31m/);
});

test("colour is decided for each stream: none with NO_COLOR, TERM=dumb, --no-color", async () => {
  const bold = /\u001b\[1m/;
  assert.match((await runHere(toy, ["list"], { tty: true })).stdout, bold);
  for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }])
    assert.doesNotMatch((await runHere(toy, ["list"], { tty: true, env })).stdout, bold);
  assert.doesNotMatch((await runHere(toy, ["list", "--no-color"], { tty: true })).stdout, bold);
});

test("an early failure prints nothing on stdout; a late one ends it with an error record", async () => {
  const early = await runHere(toy, ["fail"]);
  assert.deepEqual([early.code, early.stdout], [6, ""]);
  assert.match(early.stderr, /toy: it is gone\n {2}try: look elsewhere/);
  const late = await runHere(toy, ["fail", "--late"]);
  assert.equal(late.code, 6);
  assert.deepEqual(late.records.at(-1), {
    kind: "error",
    code: "E_GONE",
    message: "it is gone",
    hint: "look elsewhere",
    exit: 6,
  });
});

test("a bug is exit 70 with one line, and a stack with -v", async () => {
  const plain = await runHere(toy, ["fail", "--bug"]);
  assert.equal(plain.code, 70);
  assert.doesNotMatch(plain.stderr, /at .*toy\.ts/);
  assert.match((await runHere(toy, ["fail", "--bug", "-v"])).stderr, /at .*toy\.ts/);
});

test("a problem with one item is exit 3 and the command goes on", async () => {
  const { code, stderr, records } = await runHere(toy, ["fail", "--item", "--late"]);
  assert.deepEqual([code, records.length], [3, 1]);
  assert.match(stderr, /one is unreadable/);
});

test("stdin: records, bare ids, other kinds", async () => {
  const stdin = ['{"kind":"session","id":"s-1"}\r\ns-2\n', '{"kind":"path","id":"p"}\n\ns-', "3"];
  const { records, code } = await runHere(toy, ["act", "-"], { stdin });
  assert.deepEqual(
    records.filter(({ kind }) => kind === "session").map(({ id }) => id),
    ["s-2", "s-3", "s-1"],
  );
  assert.equal(code, 1);
});

const broken: readonly (readonly [name: string, stdin: string | Uint8Array, code: number, says: RegExp])[] = [
  ["a half last line", '{"kind":"session","id":"s-1"}\n{"kind":"ses', 2, /line 2 of stdin is not valid JSON/],
  ["a record without a kind", '{"id":"s-1"}\n', 2, /no kind/],
  ["bytes that are not UTF-8", Uint8Array.of(0x73, 0xff, 0x0a), 2, /not valid UTF-8/],
  [
    "an upstream error",
    '{"kind":"session","id":"s-1"}\n{"kind":"error","code":"E_X","message":"boom","exit":6}\n',
    4,
    /boom/,
  ],
];

for (const [name, stdin, code, says] of broken) {
  test(`stdin: ${name} does nothing`, async () => {
    const ran = await runHere(toy, ["act", "-"], { stdin });
    assert.deepEqual([ran.code, ran.stdout], [code, ""]);
    assert.match(ran.stderr, says);
  });
}

test("stdin: '-' on a terminal and '-' twice are refused", async () => {
  assert.equal((await runHere(toy, ["act", "-", "-"])).code, 2);
});

test("silent on success when stderr is no terminal; -v speaks, -q does not", async () => {
  assert.equal((await runHere(toy, ["act"])).stderr, "");
  assert.match((await runHere(toy, ["act", "-v"])).stderr, /working/);
  assert.match((await runHere(toy, ["act"], { tty: true })).stderr, /working/);
  assert.equal((await runHere(toy, ["act", "-q"], { tty: true })).stderr, "");
});

test("help and version go to stdout with 0, also beside a wrong flag", async () => {
  for (const argv of [["--help"], ["-h"], ["list", "--help"], ["list", "--bogus", "--help"], ["--version"]]) {
    const { code, stdout, stderr } = await runHere(toy, argv);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /toy/);
  }
});

test("schema prints the names, one kind, or says what is close", async () => {
  assert.match((await runHere(toy, ["schema"])).stdout, /^session$/m);
  assert.equal(JSON.parse((await runHere(toy, ["schema", "event"])).stdout).title, "event");
  assert.match((await runHere(toy, ["schema", "evnt"])).stderr, /did you mean event/);
});
