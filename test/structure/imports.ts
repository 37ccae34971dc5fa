// The import graph of bin and lib, read from the sources.
import { globSync, readFileSync } from "node:fs";
import { dirname, posix, relative, resolve } from "node:path";

export interface Import {
  readonly from: string;
  /** A path from the project's root, or a package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** `await import(…)`: not loaded at start. */
  readonly lazy: boolean;
}

export const root = resolve(import.meta.dirname, "../..");

export const sources = (): string[] =>
  globSync(["bin/**/*.ts", "lib/**/*.ts"], { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .sort();

export const read = (file: string): string => readFileSync(resolve(root, file), "utf8");

const STATIC = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const LAZY = /\bimport\(\s*"([^"]+)"\s*\)/g;

export function importsOf(file: string): Import[] {
  const text = read(file);
  const found: Import[] = [];
  for (const [, type, to] of text.matchAll(STATIC)) {
    found.push({ from: file, to: target(file, to!), typeOnly: type !== undefined, lazy: false });
  }
  for (const [, to] of text.matchAll(LAZY))
    found.push({ from: file, to: target(file, to!), typeOnly: false, lazy: true });
  return found;
}

function target(file: string, to: string): string {
  return to.startsWith(".")
    ? relative(root, resolve(root, dirname(file), to))
        .split("\\")
        .join(posix.sep)
    : to;
}

/** The room a file lives in: `bin`, `lib/cli`, `lib/sources/agh`, … */
export function roomOf(file: string): string {
  const parts = file.split("/");
  if (parts[0] === "bin") return "bin";
  if (parts[1] === "sources" && parts.length > 3) return parts.slice(0, 3).join("/");
  return parts.length > 2 ? parts.slice(0, 2).join("/") : parts[0]!;
}
