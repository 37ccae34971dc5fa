// Builds dist/: a small bundle for each command (start-up is most of a short command's time), the API and its types.
import { spawnSync } from "node:child_process";
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

// A file costs half a millisecond to load: what every verb starts with is one, what most reading verbs need another.
const START = closure("lib/cli/launch.ts");
const READING = closures(["lib/inspect/sessions.ts", "lib/sources/agh/agh.ts"]).difference(START);
const KINDS = closure("lib/records/kinds.ts").difference(START);
// What cron does every hour.
const BACKING_UP = closures([
  "lib/backup/create/create.ts",
  "lib/sources/agh/home/roots.ts",
  "lib/sources/agh/home/cut.ts",
])
  .difference(START)
  .difference(READING)
  .difference(KINDS);

/** What is not loaded at once is loaded in pieces of this size: a folder of what tools stand on, not a file of it. */
const LEAVES: readonly (readonly [name: string, test: RegExp])[] = [
  ["agsh", /\/lib\/sources\/agsh\//],
  ["agdd", /\/lib\/sources\/agdd\//],
  ["agh-repair", /\/lib\/sources\/agh\/(?:boot|checks|repair)\//],
  ["agh-custody", /\/lib\/sources\/agh\/(?:custody|upkeep)\//],
  ["agh-ledger", /\/lib\/sources\/agh\/ledger\//],
  ["agh", /\/lib\/sources\/agh\//],
  ["salvage", /\/lib\/sqlite\/salvage\//],
  ["sqlite", /\/lib\/sqlite\//],
  ["repository", /\/lib\/formats\/repository\//],
  ["archives", /\/lib\/(?:formats\/archive|targets)\//],
  ["custody", /\/lib\/custody\//],
  ["journal", /\/lib\/journal\//],
  ["gates", /\/lib\/vacuum\/(?:gates|sessions)\//],
  // But for what asks for the record kinds, which most verbs do without.
  [
    "ground",
    /\/lib\/(?:(?:files|policy|formats\/seal)\/|(?:formats|records|sources)\/(?!order-keys|event-ledger)[^/]*$)/,
  ],
];

/** The library starts with nothing: it is loaded a room at a time. */
const ROOMS = ["inspect", "backup", "archive", "ledger", "reconcile", "vacuum", "formats", "targets"].map(
  (name) => [name, new RegExp(`/lib/${name}/`)] as const,
);

rmSync("dist", { recursive: true, force: true });

// Workers are started by file name, so each is an entry of its own, where anything may start it.
const READY: readonly Piece[] = [
  ["reading", READING],
  ["kinds", KINDS],
];
const WORKERS = globSync("lib/**/*-worker.ts").map((file) => file.replace(/\.ts$/, ""));
for (const face of globSync("bin/*.ts").sort()) {
  const name = basename(face, ".ts");
  const own = ["own", closure(face).difference(START)] as const;
  const backingUp = name === "agh-backup" ? [["backing-up", BACKING_UP] as const] : [];
  await bundle(`dist/${name}`, { [name]: face }, [own, ...READY, ...backingUp, ...LEAVES]);
  chmodSync(`dist/${name}/${name}.mjs`, 0o755);
}
await bundle("dist/lib", { index: "lib/index.ts", testing: "test/contract/testing.ts" }, [
  ...READY,
  ...LEAVES,
  ...ROOMS,
]);
process.exitCode = types();

/** A name of a piece, and the modules that are in it. */
type Piece = readonly [name: string, test: RegExp | ReadonlySet<string>];

/** Each face is bundled for itself: one file until a verb asks for more. */
async function bundle(
  dir: string,
  entries: { readonly [name: string]: string },
  pieces: readonly Piece[],
): Promise<void> {
  const reached = closures(Object.values(entries), true);
  const texts = [...reached].map((file) => readFileSync(file, "utf8")).join("");
  const workers = WORKERS.filter((name) => texts.includes(`workerUrl("${name}")`));
  const input = { ...entries, ...Object.fromEntries(workers.map((name) => [name, `${name}.ts`])) };
  const build = await rolldown({
    input,
    platform: "node",
    external: [/^node:/, ...LIBRARIES],
    plugins: [plainBuiltins],
    preserveEntrySignatures: "allow-extension",
  });
  await build.write({
    dir,
    format: "esm",
    // A name that says what it is spares the search for the package.json that would.
    entryFileNames: "[name].mjs",
    chunkFileNames: "chunks/[name]-[hash].mjs",
    minify: true,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        // With what it needs of citty: left in the face's own file, that would be loaded by every worker, too.
        { name: "start", test: (id) => START.has(id) || /\/node_modules\/citty\//.test(id) },
        ...pieces.map(([name, of]) => ({ name, test: of instanceof RegExp ? of : (id: string) => of.has(id) })),
      ],
    },
  });
  await build.close();
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
