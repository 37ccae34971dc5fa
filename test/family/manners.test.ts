// The manners that all six commands share, run on every verb that exists.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { test } from "node:test";
import { parseValues } from "../../lib/cli/args.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verbsOf } from "../../lib/cli/run.ts";
import type { Tool, Verb } from "../../lib/cli/verb.ts";
import { KINDS } from "../../lib/records/kinds.ts";
import { runHere } from "../support/memory.ts";

const root = resolve(import.meta.dirname, "../..");
const faces = globSync("bin/*.ts", { cwd: root }).sort();
const tools = await Promise.all(
  faces.map(async (face) => ((await import(resolve(root, face))) as { tool: Tool }).tool),
);

test("there are six, each named as its file", () => {
  assert.deepEqual(
    tools.map(({ name }) => `${name}.ts`),
    faces.map((face) => basename(face)),
  );
  assert.equal(tools.length, 6);
});

for (const tool of tools) {
  const isThere = Object.keys(tool.verbs).length > 0;
  const verbs: (readonly [string, Verb])[] = isThere ? Object.entries(verbsOf(tool)) : [];

  test(`${tool.name}: help and version on stdout, exit 0`, async () => {
    const help = await runHere(tool, ["--help"]);
    assert.deepEqual([help.code, help.stderr], [0, ""]);
    assert.match(help.stdout, new RegExp(`^${tool.name}: `));
    assert.equal((await runHere(tool, ["--version"])).stdout, `${tool.name} ${version}\n`);
  });

  if (!isThere) {
    test(`${tool.name}: not there yet says so and exits 4`, async () => {
      const { code, stdout, stderr } = await runHere(tool, ["anything"]);
      assert.deepEqual([code, stdout], [4, ""]);
      assert.match(stderr, /not there yet/);
    });
    continue;
  }

  test(`${tool.name}: an unknown verb is exit 2 with a hint`, async () => {
    const { code, stdout, stderr } = await runHere(tool, ["frobnicate"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /try: /);
  });

  test(`${tool.name}: every example of its help is a line that its verbs accept`, () => {
    for (const line of [...tool.examples, ...verbs.flatMap(([, verb]) => verb.examples)]) checkExample(line);
  });

  for (const [name, verb] of verbs) {
    test(`${tool.name} ${name}: help, usage errors, bad enum, surplus operand`, async () => {
      const help = await runHere(tool, [name, "--help"]);
      assert.equal(help.code, 0);
      assert.match(help.stdout, /\nExamples\n {2}\S/);
      for (const kind of verb.prints) assert.ok(kind === "artefact" || KINDS.has(kind), `prints ${kind}`);
      for (const wrong of wrongLines(verb)) {
        const { code, stdout, stderr } = await runHere(tool, [name, ...wrong]);
        assert.deepEqual([wrong.join(" "), code, stdout], [wrong.join(" "), 2, ""]);
        assert.notEqual(stderr, "");
      }
    });
  }
}

for (const document of ["README.md", ...globSync("docs/*.md", { cwd: root }).sort()]) {
  test(`${document}: every command line in it is one that the commands accept`, () => {
    const blocks = readFileSync(resolve(root, document), "utf8").matchAll(/^```sh\n(.*?)^```/gms);
    for (const [, block] of blocks) for (const line of block!.split("\n")) checkExample(line.replace(/\s+#.*$/, ""));
  });
}

/** Command lines that are wrong whatever the verb does. */
function wrongLines(verb: Verb): string[][] {
  const flags = Object.values(verb.flags);
  const operands = flags.filter(({ arg }) => arg.type === "positional");
  const lines = [
    ["--no-such-flag"],
    ["--format", "yaml"],
    ["--format", ""],
    ["--json", "--json=1"],
    ["--fields", "no_such_field"],
    ["--now", "soon"],
  ];
  if (!operands.some(({ repeated }) => repeated)) lines.push([...operands.map(() => "x"), "surplus"]);
  if (operands.some(({ arg }) => arg.required)) lines.push([]);
  return lines;
}

/** Reads each `agh-*` command of a shell line with the flags of the verb it names. */
function checkExample(line: string): void {
  for (const command of line.split(/\s*(?:\||&&|;)\s*/)) {
    const [name, ...words] = shellWords(command.replace(/\s*[<>].*$/, ""));
    const tool = tools.find((candidate) => candidate.name === name);
    if (!tool || Object.keys(tool.verbs).length === 0) continue;
    const verbs = verbsOf(tool);
    const named = words[0] !== undefined && Object.hasOwn(verbs, words[0]);
    const verb = named ? verbs[words[0]!] : verbs[tool.fallback ?? ""];
    assert.ok(verb, `${line}: names no verb`);
    parseValues(named ? words.slice(1) : words, verb.flags);
  }
}

const shellWords = (text: string): string[] =>
  [...text.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)]
    .map(([, single, double, bare]) => single ?? double ?? bare!)
    .filter((word) => !/^\w+=/.test(word));
