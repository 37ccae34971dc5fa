// Runs the test files (all, or those named), a line for each; the last line is `N passed, N failed, N skipped`.
import { globSync } from "node:fs";
import { relative, resolve } from "node:path";
import process from "node:process";
import { run } from "node:test";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** File → what to say of it. */
  files: Map<string, { passed: number; failed: number; skipped: number; ms: number }>;
}

process.chdir(resolve(import.meta.dirname, ".."));
const named = process.argv.slice(2);
const files = (named.length > 0 ? named : globSync("test/**/*.test.ts")).map((file) => resolve(file)).sort();
const tally: Tally = { passed: 0, failed: 0, skipped: 0, files: new Map() };
const started = performance.now();

for await (const event of run({ files, concurrency: 2, timeout: Number(process.env["TEST_TIMEOUT"] ?? 480_000) })) {
  const { type, data } = event as { type: string; data: TestData };
  if (type === "test:pass" || type === "test:fail") count(data, type === "test:pass");
  if (type === "test:dequeue" && data.nesting === 0 && process.env["TEST_PROGRESS"])
    say(`     ${relative(process.cwd(), data.name)}`);
  if (type === "test:diagnostic" && data.nesting === 0 && data.message?.startsWith("figure: "))
    say(`  ${data.message}`);
  if (type === "test:stderr" && process.env["TEST_STDERR"]) process.stderr.write(data.message ?? "");
}
for (const [file, { passed, failed, skipped, ms }] of tally.files) {
  say(
    `${failed > 0 ? "FAIL" : "ok  "} ${file}: ${passed} passed${failed ? `, ${failed} failed` : ""}${skipped ? `, ${skipped} skipped` : ""} (${(ms / 1000).toFixed(1)} s)`,
  );
}
say(
  `${files.length} files in ${((performance.now() - started) / 1000).toFixed(1)} s: ${tally.failed > 0 ? "there are failures" : "all is well"}`,
);
say(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed > 0 || tally.passed === 0 ? 1 : 0;

interface TestData {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly message?: string;
  readonly details?: {
    readonly type?: string;
    readonly duration_ms?: number;
    readonly error?: { readonly cause?: unknown; readonly message?: string };
  };
}

function count(data: TestData, passed: boolean): void {
  if (data.details?.type === "suite") return;
  const file = relative(process.cwd(), data.file ?? "?");
  const of = tally.files.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
  tally.files.set(file, of);
  of.ms += data.nesting === 0 ? (data.details?.duration_ms ?? 0) : 0;
  if (data.skip) {
    of.skipped++;
    tally.skipped++;
    say(`skip ${file}: ${data.name}: ${data.skip === true ? "no reason given" : data.skip}`);
  } else if (passed) {
    of.passed++;
    tally.passed++;
  } else {
    of.failed++;
    tally.failed++;
    say(`FAIL ${file}: ${data.name}\n${reason(data)}`);
  }
}

function reason({ details }: TestData): string {
  const { cause, message } = details?.error ?? {};
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? message ?? "");
  return text.replace(/^/gm, "    ");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
