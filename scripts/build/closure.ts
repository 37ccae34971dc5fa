// What a file imports when it is loaded, and what that imports.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const IMPORT = /^(?:import|export)\s+(?!type\s)(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm;

export function closure(file: string, found = new Set<string>()): Set<string> {
  const path = resolve(file);
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  for (const [, to] of readFileSync(path, "utf8").matchAll(IMPORT)) closure(resolve(dirname(path), to!), found);
  return found;
}

export const closures = (files: readonly string[]): Set<string> =>
  files.reduce((found, file) => closure(file, found), new Set<string>());
