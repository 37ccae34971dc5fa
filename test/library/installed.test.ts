// The library as it is installed: what is in the package, and every example of docs/api.md, run and type-checked.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { PROJECT } from "../support/homes.ts";
import { installPackage, linkTypes, type Installed } from "../support/installed.ts";
import { cleanEnv } from "../support/run.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { removeTree } from "../support/temp.ts";

const base = fs.mkdtempSync(path.join(fs.realpathSync(process.env["TMPDIR"] ?? "/tmp"), "agh-installed-"));
let installed: Installed;
before(() => {
  installed = installPackage(base);
  linkTypes(installed);
  makeHome(path.join(installed.project, "agent-home"), { sessions: 6, events: 40 });
});
after(() => removeTree(base));

const api = fs.readFileSync(path.join(PROJECT, "docs/api.md"), "utf8");
const examples = [...api.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code!);
const write = (name: string, text: string): void => fs.writeFileSync(path.join(installed.project, name), text);

/** In the project; stdout. */
function node(...argv: readonly string[]): string {
  const env = cleanEnv({ HOME: path.join(base, "nobody") });
  const ran = spawnSync(process.execPath, argv, { cwd: installed.project, env, encoding: "utf8" });
  assert.equal(ran.status, 0, `${argv.join(" ")}: ${ran.stderr.slice(-2000)}${ran.stdout.slice(-2000)}`);
  return ran.stdout;
}

function compile(...files: readonly string[]): void {
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--allowJs", "--checkJs"];
  const target = ["--target", "es2024", "--lib", "es2025,esnext.disposable,esnext.iterator", "--types", "node"];
  const how = ["--noEmit", "--module", "nodenext", ...strict, ...target];
  const tsc = path.join(PROJECT, "node_modules/.bin/tsc");
  const ran = spawnSync(tsc, [...how, ...files], { cwd: installed.project, encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stdout.slice(0, 4000));
}

test("the package: few files, two of them declarations, six commands that start", () => {
  const { files, project } = installed;
  assert.ok(files.length <= 300, `${files.length} files`);
  assert.deepEqual(files.filter((file) => file.endsWith(".d.ts")).sort(), [
    "dist/types/index.d.ts",
    "dist/types/testing.d.ts",
  ]);
  assert.deepEqual(
    files.filter((file) => /^(?:lib|bin|test|scripts)\//.test(file)),
    [],
  );
  const tooNew = files.filter(
    (file) =>
      file.endsWith(".mjs") &&
      /\busing [\w$]+=/.test(fs.readFileSync(path.join(project, "node_modules/agh-toolkit", file), "utf8")),
  );
  assert.deepEqual(tooNew, [], "an older Node could not parse them, and not say which it needs to be");
  const ownNode = `${path.dirname(process.execPath)}${path.delimiter}${process.env["PATH"]}`;
  for (const name of ["archive", "backup", "inspect", "ledger", "reconcile", "vacuum"]) {
    const command = path.join(project, `node_modules/.bin/agh-${name}`);
    assert.match(
      execFileSync(command, ["--version"], { encoding: "utf8", env: { ...cleanEnv(), PATH: ownNode } }),
      /^agh-\w+ \d/,
    );
  }
});

test("docs/api.md names every export, and nothing that is none", () => {
  const declared = (file: string): string[] => {
    const text = fs.readFileSync(path.join(installed.project, "node_modules/agh-toolkit/dist/types", file), "utf8");
    return /^export \{ (.*) \};$/m.exec(text)![1]!.split(", ");
  };
  const names = [...declared("index.d.ts"), ...declared("testing.d.ts")];
  const words = new Set(api.match(/[A-Za-z_$][\w$]*/g));
  assert.deepEqual(
    names.filter((name) => !words.has(name)),
    [],
  );
  const values = 'console.log(JSON.stringify(Object.keys(await import("agh-toolkit"))))';
  const exported = JSON.parse(node("--input-type=module", "-e", values)) as string[];
  assert.deepEqual(
    exported.filter((name) => !names.includes(name)),
    [],
  );
  const imported = examples.flatMap((code) => [...code.matchAll(/import \{ ([^}]*) \} from "agh-toolkit"/g)]);
  for (const [, list] of imported) for (const name of list!.split(", ")) assert.ok(exported.includes(name), name);
});

test("the first steps: a home, its sessions and events, a snapshot and what is restored, in 30 lines of JavaScript and TypeScript", () => {
  for (const name of ["first-steps.mjs", "first-steps.ts"]) {
    const text = fs.readFileSync(path.join(PROJECT, "docs/examples", name), "utf8");
    assert.ok(text.split("\n").length <= 31, name);
    write(name, text);
    const out = node(name, "agent-home", `made-by-${name}`);
    assert.match(out, /files passed/);
    const restored = path.join(installed.project, `made-by-${name}`, "restored");
    const differences = homeDifferences(path.join(installed.project, "agent-home"), restored, {
      except: (file) => LEFT_OUT.test(file),
    });
    assert.deepEqual(differences, [], name);
  }
});

const LEFT_OUT = /-(?:wal|shm)$|vault\.key|daemon\.|\.sock$|^restarts|^\.agh-toolkit/;

test("every example of docs/api.md runs, one after another", { timeout: 300_000 }, () => {
  assert.ok(examples.length >= 10);
  fs.chmodSync(path.join(installed.project, "agent-home/agh.db"), 0o644);
  for (const [at, code] of examples.entries()) {
    const name = `example-${at + 1}.mjs`;
    write(name, code);
    node(...(code.includes("agh-toolkit/testing") ? ["--test", name] : [name]));
  }
});

test("the examples are sound under strict TypeScript, and so is a source of one's own", () => {
  write("own-source.ts", fs.readFileSync(path.join(PROJECT, "docs/examples/own-source.ts"), "utf8"));
  write(
    "use-source.ts",
    `import "./own-source.js";
import { readEvents } from "agh-toolkit";
for await (const { session_id, content } of readEvents("own-notes")) console.log(session_id, content);
`,
  );
  const names = examples.map((code, at) => {
    write(`example-${at + 1}.mjs`, code);
    return `example-${at + 1}.mjs`;
  });
  compile("first-steps.mjs", "first-steps.ts", "own-source.ts", "use-source.ts", ...names);
  fs.mkdirSync(path.join(installed.project, "own-notes"));
  write("own-notes/notes.json", "{}");
  write("own-notes/tuesday.jsonl", '{"text":"mend the ridge"}\n');
  write(
    "use-source.mjs",
    'import "./own-source.ts";\nimport { readEvents } from "agh-toolkit";\nfor await (const { content } of readEvents("own-notes")) console.log(content);\n',
  );
  assert.match(node("use-source.mjs"), /mend the ridge/);
});
