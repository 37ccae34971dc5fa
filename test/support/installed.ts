// The package as a stranger has it: packed, and installed into a project of its own, without a registry.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { PROJECT } from "./homes.ts";

export interface Installed {
  /** The project that it is installed in. */
  readonly project: string;
  /** Every file of the package. */
  readonly files: readonly string[];
}

interface Manifest {
  readonly dependencies?: { readonly [name: string]: string };
}

/** What it depends on is copied from the project's own `node_modules`; npm finds it there and asks nobody. */
export function installPackage(base: string): Installed {
  const npm = (cwd: string, ...argv: readonly string[]): string =>
    execFileSync("npm", argv, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 });
  const printed = npm(PROJECT, "pack", "--json", "--loglevel=error", "--pack-destination", base);
  // What the build prints comes first.
  const [packed] = JSON.parse(printed.slice(printed.search(/^\[$/m))) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  const project = path.join(base, "project");
  fs.mkdirSync(path.join(project, "node_modules"), { recursive: true });
  fs.writeFileSync(path.join(project, "package.json"), '{"type":"module","private":true}\n');
  copyDependencies(project);
  npm(project, "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", path.join(base, packed.filename));
  return { project, files: packed.files.map((file) => file.path) };
}

function copyDependencies(project: string): void {
  const copied = new Set<string>();
  const copy = (name: string): void => {
    if (copied.has(name)) return;
    copied.add(name);
    const from = fs.realpathSync(path.join(PROJECT, "node_modules", name));
    fs.cpSync(from, path.join(project, "node_modules", name), { recursive: true });
    for (const other of dependenciesOf(path.join(from, "package.json"))) copy(other);
  };
  for (const name of dependenciesOf(path.join(PROJECT, "package.json"))) copy(name);
}

const dependenciesOf = (manifest: string): string[] =>
  Object.keys((JSON.parse(fs.readFileSync(manifest, "utf8")) as Manifest).dependencies ?? {});

/** Lets a compiler find the types of Node. */
export function linkTypes({ project }: Installed): void {
  const types = path.join(project, "node_modules/@types");
  fs.mkdirSync(types, { recursive: true });
  fs.rmSync(path.join(types, "node"), { recursive: true, force: true });
  fs.symlinkSync(fs.realpathSync(path.join(PROJECT, "node_modules/@types/node")), path.join(types, "node"));
}
