// What a file imports, and what that imports.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const IMPORT = /^(?:import|export)\s+(?!type\s)(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm;
const LAZY_IMPORT = /\bimport\("(\.[^"]+)"\)/g;

/** A file and all that it imports when it is loaded; with `lazy` also what it may import later. */
export function closure(file: string, { found = new Set<string>(), lazy = false } = {}): Set<string> {
  const path = resolve(file);
  if (found.has(path)) return found;
  found.add(path);
  if (!path.endsWith(".ts")) return found;
  const text = readFileSync(path, "utf8");
  const imports = [...text.matchAll(IMPORT), ...(lazy ? text.matchAll(LAZY_IMPORT) : [])];
  for (const [, to] of imports) closure(resolve(dirname(path), to!), { found, lazy });
  return found;
}

export function closures(files: readonly string[], lazy = false): Set<string> {
  return files.reduce((found, file) => closure(file, { found, lazy }), new Set<string>());
}
