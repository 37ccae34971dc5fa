// A directory that is a home to a journal, and runs in it that are cut short.
import fs from "node:fs";
import path from "node:path";
import type { TestContext } from "node:test";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { encodeJournal, JOURNAL_FORMAT, type Journal } from "../../lib/journal/format.ts";
import { claimIdentity } from "../../lib/journal/identity.ts";
import type { JournalHome } from "../../lib/journal/journal-home.ts";
import { runDir } from "../../lib/journal/locations.ts";
import type { Step } from "../../lib/journal/steps.ts";
import type { ToolError } from "../../lib/records/error.ts";
import { tempDir } from "../support/temp.ts";

export interface TestHome extends JournalHome {
  readonly problems: ToolError[];
}

/** `files` by path below the home, each with its content. */
export function testHome(t: TestContext, files: { readonly [path: string]: string } = {}): TestHome {
  const root = path.join(tempDir(t, "journal"), "home");
  fs.mkdirSync(root, { mode: 0o700 });
  write(root, files);
  return homeAt(root);
}

export function homeAt(root: string, more: Partial<JournalHome> = {}): TestHome {
  const problems: ToolError[] = [];
  const log = { debug() {}, info() {}, problem: (error: ToolError) => void problems.push(error) };
  return {
    runtime: "toy",
    place: root,
    id: "0123456789abcdef",
    placeId: "0123456789abcdef",
    root,
    roots: new Map(),
    owner: undefined,
    rows: undefined,
    reasonAgainst: () => undefined,
    log,
    env: {},
    problems,
    ...more,
  };
}

export function write(root: string, files: { readonly [path: string]: string }): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
  }
}

/** A journal as a run leaves it that is killed before its first step; its run. `steps` may stage files in the run's directory. */
export function killedRun(
  home: JournalHome,
  steps: readonly Step[] | ((dir: string) => readonly Step[]),
  more: Partial<Journal> = {},
): string {
  const run = ulid(new Date());
  const dir = runDir(home.root, run);
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const journal: Journal = {
    format: JOURNAL_FORMAT,
    run,
    tool: "agh-toy change",
    home: claimIdentity(home).id,
    home_id: home.id,
    direction: "forward",
    keep: false,
    steps: typeof steps === "function" ? steps(dir) : steps,
    ...more,
  };
  fs.writeFileSync(path.join(dir, "journal.json"), encodeJournal(journal), { mode: 0o600 });
  return run;
}

/** The journal of version 0.1. */
export function killedRun1(
  home: JournalHome,
  steps: readonly object[] | ((dir: string) => readonly object[]),
  tool: string,
): string {
  const run = ulid(new Date());
  const dir = runDir(home.root, run);
  fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { bytes } = encodeSealed({
    format: 1,
    run,
    tool,
    home_id: home.id,
    steps: typeof steps === "function" ? steps(dir) : steps,
  });
  fs.writeFileSync(path.join(dir, "journal.json"), bytes, { mode: 0o600 });
  return run;
}

/** Every file below a directory with its content, the toolkit's own left out. */
export function contents(root: string): { [path: string]: string } {
  const found: { [path: string]: string } = {};
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, file);
    if (entry.isFile() && !name.startsWith(".agh-toolkit")) found[name] = fs.readFileSync(file, "utf8");
  }
  return found;
}
