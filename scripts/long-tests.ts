// npm run torture | soak | fuzz | flips: the tests that have a long form, at full strength. A number after it is another strength.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

interface Long {
  /** What its test files say. */
  readonly says: RegExp;
  /** What it turns up; see test/support/strength.ts. */
  readonly variable: string;
  readonly full: number;
}

const FORMS: Readonly<Record<string, readonly Long[]>> = {
  torture: [
    { says: /\bcrashPoints\(\{|\bstrength\("crash points", 8\)/, variable: "AGH_TEST_CRASH_POINTS", full: 1000 },
    { says: /\bstrength\("copies"/, variable: "AGH_TEST_COPIES", full: 1000 },
    { says: /\bstrength\("nights"/, variable: "AGH_TEST_NIGHTS", full: 30 },
    { says: /\bstrength\("nights of a year"/, variable: "AGH_TEST_YEAR", full: 365 },
    { says: /\bstrength\("mounts a verb"/, variable: "AGH_TEST_MOUNTS", full: 100 },
  ],
  soak: [{ says: /\bstrength\("soak seconds"/, variable: "AGH_TEST_SOAK_SECONDS", full: 3600 }],
  fuzz: [
    { says: /\bstrength\("fuzz seconds"/, variable: "AGH_TEST_FUZZ_SECONDS", full: 600 },
    { says: /\bstrength\("random homes"/, variable: "AGH_TEST_RANDOM_HOMES", full: 10_000 },
  ],
  flips: [
    { says: /\bstrength\("flips"/, variable: "AGH_TEST_FLIPS", full: 10_000 },
    { says: /\bstrength\("attacks"/, variable: "AGH_TEST_ATTACKS", full: 1000 },
  ],
};

process.chdir(resolve(import.meta.dirname, ".."));
const [name = "", strength, ...only] = process.argv.slice(2);
const forms = Object.hasOwn(FORMS, name) ? FORMS[name]! : [];
const files = globSync("test/**/*.test.ts").filter((file) => only.length === 0 || only.includes(file));
if (forms.length === 0 || (strength !== undefined && !(Number(strength) > 0))) {
  console.error(`usage: npm run ${Object.keys(FORMS).join("|")} [-- STRENGTH [FILE …]]`);
  process.exitCode = 2;
}
for (const { says, variable, full } of forms) {
  const chosen = files.filter((file) => says.test(readFileSync(file, "utf8"))).sort();
  if (chosen.length === 0 || process.exitCode === 2) continue;
  const value = strength ?? String(full);
  console.log(`${name}: ${variable}=${value}, ${chosen.length} files`);
  const { status } = spawnSync(process.execPath, ["scripts/test.ts", ...chosen], {
    stdio: "inherit",
    env: { ...process.env, [variable]: value, TEST_TIMEOUT: String(24 * 3_600_000) },
  });
  if (status !== 0) process.exitCode = 1;
}
