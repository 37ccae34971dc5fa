// Shows inspect → backup → verify → restore on a home, or on a small sample that it makes; ends with a verdict.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

const root = resolve(import.meta.dirname, "..");
const scratch = mkdtempSync(join(tmpdir(), "agh-demo-"));
const [given] = process.argv.slice(2);
try {
  process.exitCode = demo(given === undefined ? sample() : resolve(given)) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function demo(home: string): boolean {
  const [repo, restored] = [join(scratch, "repository"), join(scratch, "restored")];
  const steps: readonly (readonly [why: string, tool: string, ...args: string[]])[] = [
    ["What is there?", "agh-inspect", "--home", home],
    [
      "Its newest sessions, whether or not the daemon runs:",
      "agh-inspect",
      "sessions",
      "--home",
      home,
      "--sort",
      "-created",
      "--limit",
      "5",
    ],
    ["A repository for backups:", "agh-backup", "init", "--repo", repo],
    ["A hot backup; nothing in the home is touched:", "agh-backup", "create", "--home", home, "--repo", repo],
    [
      "Again: nothing changed, so next to nothing is read or stored:",
      "agh-backup",
      "create",
      "--home",
      home,
      "--repo",
      repo,
    ],
    ["Every byte of it hashed:", "agh-backup", "verify", "latest", "--level", "full", "--repo", repo],
    ["Restored into an empty directory:", "agh-backup", "restore", "latest", "--repo", repo, "--to", restored],
    [
      "The restored home holds the same sessions:",
      "agh-inspect",
      "sessions",
      "--home",
      restored,
      "--sort",
      "-created",
      "--limit",
      "5",
    ],
  ];
  const failed = steps.filter(([why, tool, ...args]) => !step(why, tool, args));
  say(failed.length === 0 ? "\ndemo: all is well" : `\ndemo: ${failed.length} of ${steps.length} steps failed`);
  return failed.length === 0;
}

function sample(): string {
  const home = join(scratch, "sample");
  say("making a sample home of 12 sessions, two of them left live …");
  run("scripts/make-home.ts", [home, "--sessions", "12", "--events", "80", "--live", "2"], "ignore");
  return home;
}

function step(why: string, tool: string, args: readonly string[]): boolean {
  say(`\n# ${why}\n$ ${[tool, ...args].join(" ")}`);
  // Partial (3) is a fine end here: a home may hold things that no tool can read.
  const status = run(`bin/${tool}.ts`, [...args, "--format", "table"], "inherit");
  return status === 0 || status === 3;
}

function run(file: string, args: readonly string[], stdout: "inherit" | "ignore"): number | null {
  const path = resolve(root, file);
  if (!existsSync(path)) throw new Error(`${file} is missing`);
  return spawnSync(process.execPath, [path, ...args], { stdio: ["ignore", stdout, "inherit"] }).status;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
