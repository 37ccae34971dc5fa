// Builds dist/: a small bundle for each command (start-up is most of a short command's time), the API and its types.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { rolldown } from "rolldown";
import { closure, closures } from "./build/closure.ts";
import { bundleDeclarations } from "./build/declarations.ts";
import { plainBuiltins } from "./build/plain-builtins.ts";
import { writeOutRecords } from "./build/record-types.ts";

/** Libraries that a verb imports when it needs them; they stay packages. */
const { dependencies } = JSON.parse(readFileSync(resolve(import.meta.dirname, "../package.json"), "utf8")) as {
  dependencies: { readonly [name: string]: string };
};
const BUNDLED = ["citty", "smol-toml"];
const LIBRARIES = Object.keys(dependencies).filter((name) => !BUNDLED.includes(name));

process.chdir(resolve(import.meta.dirname, ".."));

const FACES = globSync("bin/*.ts").sort();

// A file costs half a millisecond to load: what every verb starts with is two, what most reading verbs need another.
const START = closure("lib/cli/launch.ts");
const SHARED = new Set([...closures(FACES)].filter((file) => !START.has(file) && !file.includes("/bin/")));
const READING = closures(["lib/inspect/sessions.ts", "lib/sources/agh/agh.ts"]);
const CREATE = new Set(
  [...closures(["lib/backup/create/create.ts", "lib/sources/agh/home/roots.ts", "lib/sources/agh/home/cut.ts"])].filter(
    (file) => file.includes("/lib/backup/"),
  ),
);
const CITTY = new Set(globSync("node_modules/citty/dist/**/*.mjs").map((file) => realpathSync(file)));
const KINDS = closure("lib/records/kinds.ts");

/** A name of a piece, and the modules that are in it. The first that has a module takes it. */
type Piece = readonly [name: string, test: RegExp | ReadonlySet<string>];

const PIECES: readonly Piece[] = [
  // With what it needs of citty: left in a face's own file, that would be loaded by every worker, too.
  ["start", START.union(CITTY)],
  ["shared", SHARED],
  ["reading", READING],
  ["kinds", KINDS],
  // What cron does every hour.
  ["repository", /\/lib\/formats\/repository\//],
  ["salvage", /\/lib\/sqlite\/salvage\//],
  ["target", /\/lib\/targets\//],
  ["age", /\/lib\/formats\/age\//],
  ["create", CREATE],
  ["agsh", /\/lib\/sources\/agsh\//],
  ["agdd", /\/lib\/sources\/agdd\//],
  ["agh-repair", /\/lib\/sources\/agh\/(?:boot|checks|repair)\//],
  ["agh-custody", /\/lib\/sources\/agh\/(?:custody|upkeep)\//],
  ["archive-format", /\/lib\/formats\/archive\//],
  ["journal", /\/lib\/journal\//],
];

rmSync("dist", { recursive: true, force: true });
await bundle();
for (const face of FACES) chmodSync(`dist/${nameOf(face)}/${nameOf(face)}.mjs`, 0o755);
process.exitCode = types();

function nameOf(face: string): string {
  return basename(face, ".ts");
}

/** All at once: what two of them need is there once. */
async function bundle(): Promise<void> {
  // Workers are started by file name, so each is an entry of its own.
  const workers = globSync("lib/**/*-worker.ts").map((file) => [file.replace(/\.ts$/, ""), file]);
  const faces = FACES.map((face) => [`${nameOf(face)}/${nameOf(face)}`, face]);
  const library = { "lib/index": "lib/index.ts", "lib/testing": "test/contract/testing.ts" };
  const build = await rolldown({
    input: { ...Object.fromEntries([...faces, ...workers]), ...library },
    platform: "node",
    external: [/^node:/, ...LIBRARIES],
    plugins: [plainBuiltins],
    // An older Node must be able to parse what a command starts with: it is told there which Node is needed.
    transform: { target: "node20" },
    preserveEntrySignatures: "allow-extension",
  });
  await build.write({
    dir: "dist",
    format: "esm",
    // A name that says what it is spares the search for the package.json that would.
    entryFileNames: "[name].mjs",
    chunkFileNames: "chunks/[name]-[hash].mjs",
    minify: true,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: PIECES.map(([name, of]) => ({ name, test: (id: string) => isIn(id, of) })),
    },
  });
  await build.close();
}

/** A worker's own file runs when it is loaded: nothing that others load may lie in it. */
function isIn(id: string, of: Piece[1]): boolean {
  return (of instanceof RegExp ? of.test(id) : of.has(id)) && !id.endsWith("-worker.ts");
}

/** One file of declarations an entry: what is public, and what that needs. */
function types(): number {
  const path = `${resolve("node_modules/.bin")}:${process.env["PATH"]}`;
  const declared = mkdtempSync(join(tmpdir(), "agh-toolkit-types-"));
  const args = ["-p", ".", "--noEmit", "false", "--emitDeclarationOnly", "--outDir", declared];
  try {
    const { status } = spawnSync("tsc", args, { stdio: "inherit", env: { ...process.env, PATH: path } });
    const rewrite = writeOutRecords(declared);
    const index = bundleDeclarations({ entry: join(declared, "lib/index.d.ts"), rewrite });
    const shared = { names: index.names, specifier: "./index.js" };
    const testing = bundleDeclarations({ entry: join(declared, "test/contract/testing.d.ts"), rewrite, shared });
    mkdirSync("dist/types");
    writeFileSync("dist/types/index.d.ts", index.text);
    writeFileSync("dist/types/testing.d.ts", testing.text);
    return status ?? 1;
  } finally {
    rmSync(declared, { recursive: true, force: true });
  }
}
