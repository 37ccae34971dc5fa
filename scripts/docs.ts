// Writes every document that can be generated (record kinds, exit codes, manual pages, completions);
// with --check it only compares, and fails when one is stale.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { bashCompletion, fishCompletion, zshCompletion } from "./docs/completions.ts";
import { exitCodes, recordKinds } from "./docs/contract.ts";
import { findings } from "./docs/findings.ts";
import { manPage } from "./docs/man.ts";
import { tools } from "./docs/tools.ts";

const root = resolve(import.meta.dirname, "..");
const check = process.argv.includes("--check");
const stale: string[] = [];

const described = await tools();
keep("docs/exit-codes.md", exitCodes());
keep("docs/findings.md", await findings());
keep("docs/records.md", replaceGenerated("docs/records.md", recordKinds()));
keep("completions/agh-toolkit.bash", bashCompletion(described));
keep("completions/_agh-toolkit", zshCompletion(described));
keep("completions/agh-toolkit.fish", fishCompletion(described));
for (const tool of described) keep(`docs/man/${tool.name}.1`, manPage(tool));

if (stale.length > 0) process.stderr.write(`stale: ${stale.join(", ")}\n  try: npm run docs\n`);
process.exitCode = stale.length > 0 ? 1 : 0;

function keep(file: string, text: string): void {
  const path = resolve(root, file);
  if (readOr(path, "") === text) return;
  if (check) {
    stale.push(file);
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  process.stdout.write(`wrote ${file}\n`);
}

/** Puts `text` between the markers of a document that is otherwise maintained manually. */
function replaceGenerated(file: string, text: string): string {
  const [head, rest] = readOr(resolve(root, file), "").split("<!-- generated: kinds -->");
  const tail = rest?.split("<!-- end of generated -->")[1];
  if (tail === undefined) throw new Error(`${file} lacks its markers`);
  return `${head}<!-- generated: kinds -->\n${text}<!-- end of generated -->${tail}`;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return otherwise;
    throw error;
  }
}
