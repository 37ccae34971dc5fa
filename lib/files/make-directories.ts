// Makes a directory and those above it, one by one: Node's recursive form never ends where a directory takes no new names (/proc).
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "./atomic.ts";
import { osPath } from "./os-path.ts";

/** All that are missing, 0700; with `durable` also the names that lead to them. Throws what mkdir(2) says. */
export function makeDirectories(dir: string, { durable = false } = {}): void {
  if (existsSync(osPath(dir))) return;
  makeDirectories(dirname(dir), { durable });
  try {
    mkdirSync(osPath(dir), { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // another run was quicker
  }
  if (durable) fsyncDir(dirname(dir));
}
