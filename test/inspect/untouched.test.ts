// Reading never changes the source: every verb over every state of a home, beside a live writer, and of another user.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { assertUntouched, treeDiff, treeState, type TreeState } from "../support/tree.ts";

/** Every verb, with the flags that make it read the most. */
const VERBS = [
  "overview",
  "homes",
  "paths",
  "sessions --since 2020-01-01T00:00:00Z --sort=-last-event",
  "events --all",
  "turns --all-turns",
  "usage --by turn --rollup",
  "tools",
  "hooks",
  "permissions",
  "processes",
  "workspaces",
  "vault",
  "failures --failure cancellation,process_exit",
  "search --regex .",
  "table sessions",
  "table events --state stopped,active",
];

test("the list of verbs is all of them", () => {
  const known = new Set(VERBS.map((words) => words.split(" ")[0]));
  const missing = Object.keys(tool.verbs).filter((name) => !known.has(name) && name !== "show");
  assert.deepEqual(missing, []);
});

/** Runs every verb, and show for every session; the exit must be one of those given. */
async function readAll(home: string, exits: readonly number[]): Promise<void> {
  const read = async (argv: readonly string[]) => {
    const ran = await runHere(tool, [...argv, "--home", home], { env: { HOME: "/nowhere" } });
    assert.ok(exits.includes(ran.code), `${argv.join(" ")}: exit ${ran.code}: ${ran.stderr}`);
    return ran;
  };
  for (const words of VERBS) await read(words.split(" "));
  const { stdout } = await read(["sessions", "--format", "ids"]);
  for (const id of stdout.split("\n").filter(Boolean)) await read(["show", id]);
}

for (const name of ["agh-clean", "agh-killed", "agh-drifted", "agh-unbootable"]) {
  test(`${name}: no verb leaves a trace`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const before = treeState(real.base);
    await readAll(real.home, name === "agh-unbootable" ? [0, 3] : [0]);
    assertUntouched(before, treeState(real.base));
  });
}

interface Writer {
  readonly home: string;
  stop(): Promise<void>;
}

async function liveHome(t: TestContext): Promise<Writer> {
  const { home } = madeHome(t, { sessions: 6, events: 40 });
  const script = join(PROJECT, "scripts/live-writer.ts");
  const child = spawn(process.execPath, [script, home, "--sessions", "3", "--rate", "60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGTERM");
    await closed;
  };
  t.after(stop);
  await once(child.stdout!, "data");
  await sleep(300);
  return { home, stop };
}

/** What a daemon with live sessions itself writes. */
const WRITTEN =
  /^(?:agh\.db|daemon\.|logs\/|sessions\/sess-[0-9a-f]{16}(?:$|\/(?:events\.db|meta\.json|\.agh-atomic)))/;
const DIRECTORIES = new Set([".", "sessions"]);

test("beside a live writer: resting sessions stay as they are, and no new file appears anywhere", async (t) => {
  const { home, stop } = await liveHome(t);
  const before = treeState(home);
  const live = new Set([...before.keys()].filter((path) => path.endsWith("-wal")).map(directoryOf));
  await readAll(home, [0, 3, 5]);
  const after = treeState(home);
  await stop();
  const isTheirs = (path: string): boolean =>
    (WRITTEN.test(path) && (!path.startsWith("sessions/") || live.has(path) || live.has(directoryOf(path)))) ||
    DIRECTORIES.has(path);
  assert.ok(live.size >= 3, "the writer was there");
  assert.deepEqual(treeDiff(before, after, { paths: isTheirs }), []);
  assert.deepEqual(names(after), names(before));
});

const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));
const names = (state: TreeState): string[] =>
  [...state.keys()].filter((path) => !path.includes(".agh-atomic") && !path.includes(".tmp-")).sort();

test("another user's home, read-only: everything is read and nothing is left", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const face = join(PROJECT, "bin/agh-inspect.ts");
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  try {
    execFileSync("setpriv", [...nobody, "test", "-r", face]);
  } catch {
    return t.skip("needs root, setpriv and a project that others may read");
  }
  execFileSync("chmod", ["-R", "a+rX,a-w", real.base]);
  const before = treeState(real.base);
  const env = { PATH: process.env["PATH"]!, HOME: "/nowhere", OPENSSL_CONF: "/dev/null" };
  for (const words of [...VERBS, "show f486"]) {
    const argv = [...nobody, process.execPath, face, ...words.split(" "), "--home", real.home];
    const out = execFileSync("setpriv", argv, { env, cwd: "/", encoding: "utf8", stdio: "pipe" });
    assert.ok(out !== "" || words === "homes", words);
  }
  assertUntouched(before, treeState(real.base));
});
