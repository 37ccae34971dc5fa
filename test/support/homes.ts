// Homes for tests: copies of homes the real runtimes wrote, and made ones.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { TestContext } from "node:test";
import type { HomeOptions, MadeHome } from "../../scripts/make-home/home.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { tempDir } from "./temp.ts";

export const PROJECT = path.resolve(import.meta.dirname, "../..");
const HOMES = path.resolve(PROJECT, process.env["AGH_TEST_HOMES"] ?? "../shared/homes");
const ROOTS: Readonly<Record<string, string>> = { agh: ".agh", agsh: "agsh", agdd: ".agdd" };

export interface RealHome {
  /** What was unpacked: the home and, beside it, its workspaces. */
  readonly base: string;
  /** The runtime's own directory in it: `.agh`, `.agdd` or `agsh`. */
  readonly home: string;
}

/** A fresh copy with modes and times as they were. Skips the test, saying so, and returns undefined where there is none. */
export function realHome(t: TestContext, name: string): RealHome | undefined {
  const archive = path.join(HOMES, `${name}.tar.gz`);
  if (!fs.existsSync(archive)) {
    t.skip(`no ${name}.tar.gz in AGH_TEST_HOMES (${HOMES})`);
    return undefined;
  }
  const base = tempDir(t, name);
  execFileSync("tar", ["-xpzf", archive, "-C", base]);
  return { base, home: path.join(base, ROOTS[name.replace(/-.*/, "")] ?? ".agh") };
}

/** A made home in a directory of the test's own; `scripts/make-home.ts` says what is in it. */
export function madeHome(t: TestContext, options: HomeOptions = {}): MadeHome {
  return makeHome(path.join(tempDir(t, "made-home"), ".agh"), options);
}
