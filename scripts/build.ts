// Builds dist/: a small bundle for each command (start-up is most of a short command's time), the API and its types.
import { spawnSync } from "node:child_process";
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import process from "node:process";
import { rolldown, type Plugin } from "rolldown";
import { bundleDeclarations } from "./build/declarations.ts";
import { writeOutRecords } from "./build/record-types.ts";

/** Built-ins of functions alone, whose loading costs milliseconds: the first call loads them. */
const LAZY = new Set(
  ["child_process", "crypto", "os", "timers/promises", "url", "util", "v8", "vm"].map((name) => `node:${name}`),
);

/**
 * `import` of a built-in module evaluates every export's getter (node:util alone costs 3 ms of start-up);
 * asking for the module itself does not. On a Node too old for that the face still lives to say so.
 */
const plainBuiltins: Plugin = {
  name: "plain-builtins",
  renderChunk: (code) => {
    const plain = code.replace(
      /^import\s+([^"';]+?)\s+from\s*"(node:[\w/]+)";?$/gm,
      (_line, names: string, module: string) =>
        LAZY.has(module) && names.startsWith("{") ? lazily(names, module) : eagerly(names, module),
    );
    return { code: plain };
  },
};

function eagerly(names: string, module: string): string {
  const pattern = names.startsWith("* as ") ? names.slice(5) : names.replaceAll(" as ", ": ");
  return `const ${pattern} = (process.getBuiltinModule?.("${module}") ?? {});`;
}

function lazily(names: string, module: string): string {
  const bindings = names
    .replace(/^\{|\}$/g, "")
    .split(",")
    .map((name) => name.trim().split(" as "))
    .filter(([name]) => name);
  const moduleVariable = `__${module.replace(/\W/g, "_")}`;
  const wrapped = bindings.map(
    ([name, local = name]) =>
      `const ${local} = (...of) => (${moduleVariable} ??= process.getBuiltinModule("${module}")).${name}(...of);`,
  );
  return [`let ${moduleVariable};`, ...wrapped].join("\n");
}

/** Libraries that a verb imports when it needs them; they stay packages. */
const { dependencies } = JSON.parse(readFileSync(resolve(import.meta.dirname, "../package.json"), "utf8")) as {
  dependencies: { readonly [name: string]: string };
};
const BUNDLED = ["citty", "smol-toml"];
const LIBRARIES = Object.keys(dependencies).filter((name) => !BUNDLED.includes(name));

process.chdir(resolve(import.meta.dirname, ".."));

// A file costs half a millisecond to load: what every verb starts with is one, what most reading verbs need another.
const START = closure("lib/cli/launch.ts");
const READING = closures("lib/inspect/sessions.ts", "lib/sources/agh/agh.ts").difference(START);
const KINDS = closure("lib/records/kinds.ts").difference(START);
// What cron does every hour.
const BACKING_UP = closures(
  "lib/backup/create/create.ts",
  "lib/sources/agh/home/roots.ts",
  "lib/sources/agh/home/cut.ts",
)
  .difference(START)
  .difference(READING)
  .difference(KINDS);

rmSync("dist", { recursive: true, force: true });

// Workers are started by file name, so each is an entry of its own.
const workers = Object.fromEntries(globSync("lib/**/*-worker.ts").map((file) => [file.replace(/\.ts$/, ""), file]));
for (const face of globSync("bin/*.ts").sort()) {
  const name = basename(face, ".ts");
  await bundle(`dist/${name}`, { [name]: face, ...workers }, name === "agh-backup" ? BACKING_UP : undefined);
  chmodSync(`dist/${name}/${name}.mjs`, 0o755);
}
await bundle("dist/lib", { index: "lib/index.ts", testing: "test/contract/testing.ts", ...workers });
process.exitCode = types();

/** Each face is bundled for itself: one file until a verb asks for more. */
async function bundle(
  dir: string,
  input: { readonly [name: string]: string },
  backingUp: ReadonlySet<string> = new Set(),
): Promise<void> {
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
        { name: "reading", test: (id) => READING.has(id) },
        { name: "kinds", test: (id) => KINDS.has(id) },
        { name: "backing-up", test: (id) => backingUp.has(id) },
      ],
    },
  });
  await build.close();
}

function closures(...files: string[]): Set<string> {
  return files.reduce((found, file) => closure(file, found), new Set<string>());
}

/** A file and all that it imports when it is loaded. */
function closure(file: string, found = new Set<string>()): Set<string> {
  const path = resolve(file);
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  const imports = readFileSync(path, "utf8").matchAll(
    /^(?:import|export)\s+(?!type\s)(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm,
  );
  for (const [, to] of imports) closure(resolve(dirname(path), to!), found);
  return found;
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
