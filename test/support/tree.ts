// What a directory looks like, byte for byte, and whether it still does.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";

export interface PathState {
  readonly type: "file" | "directory" | "symlink" | "other";
  readonly mode: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly atimeNs: string;
  readonly ino: string;
  /** SHA-256 of a file's bytes, a link's target, empty for the rest. */
  readonly content: string;
}

/** By path relative to the root, which is "." itself, in byte order. */
export type TreeState = ReadonlyMap<string, PathState>;

/** Every path below `directory`. Do not call it while this process holds one of its databases open. */
export function treeState(directory: string): TreeState {
  const state = new Map<string, PathState>();
  const visit = (name: string): void => {
    const file = path.join(directory, name);
    const stat = fs.lstatSync(file, { bigint: true });
    const type = stat.isFile()
      ? "file"
      : stat.isDirectory()
        ? "directory"
        : stat.isSymbolicLink()
          ? "symlink"
          : "other";
    state.set(name, { ...identity(stat), type, content: content(file, type) });
    if (type === "directory") for (const child of fs.readdirSync(file).toSorted()) visit(path.join(name, child));
  };
  visit(".");
  return state;
}

export interface Ignore {
  /** Fields that may differ; by default `atimeNs`. */
  readonly fields?: readonly (keyof PathState)[];
  /** Paths that may differ, come or go. */
  readonly paths?: (name: string) => boolean;
}

/** Fails with one line for every path that differs. */
export function assertUntouched(before: TreeState, after: TreeState, ignore: Ignore = {}): void {
  const differences = treeDiff(before, after, ignore);
  assert.ok(differences.length === 0, `the tree was touched:\n${differences.map((line) => `  ${line}`).join("\n")}`);
}

/** One line for every path that came, went or changed. */
export function treeDiff(before: TreeState, after: TreeState, ignore: Ignore = {}): string[] {
  const ignored = new Set<string>(ignore.fields ?? ["atimeNs"]);
  const lines: string[] = [];
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    if (ignore.paths?.(name) === true) continue;
    const [old, now] = [before.get(name), after.get(name)];
    if (old === undefined) lines.push(`${name}: came`);
    else if (now === undefined) lines.push(`${name}: went`);
    else {
      const changed = (Object.keys(old) as (keyof PathState)[]).filter(
        (key) => !ignored.has(key) && old[key] !== now[key],
      );
      if (changed.length > 0)
        lines.push(`${name}: ${changed.map((key) => `${key} ${old[key]} -> ${now[key]}`).join(", ")}`);
    }
  }
  return lines;
}

const PLAIN = ["type", "mode", "content"] as const;

/** One hash over names, types, modes and contents; times and inodes only where `fields` asks for them. */
export function treeDigest(directory: string, fields: readonly (keyof PathState)[] = PLAIN): string {
  const hash = crypto.createHash("sha256");
  for (const [name, state] of treeState(directory))
    hash.update(JSON.stringify([name, ...fields.map((key) => state[key])]));
  return hash.digest("hex");
}

function identity(stat: fs.BigIntStats): Omit<PathState, "type" | "content"> {
  return {
    mode: (stat.mode & 0o7777n).toString(8).padStart(4, "0"),
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    atimeNs: String(stat.atimeNs),
    ino: String(stat.ino),
  };
}

function content(file: string, type: PathState["type"]): string {
  if (type === "symlink") return fs.readlinkSync(file);
  if (type !== "file") return "";
  return crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}
