// What --home names: what is told when it names nothing that can be read, and when part of it cannot be.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { cleanEnv } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";

const inspect = (...argv: readonly string[]): Promise<Ran> => runHere(tool, argv, { env: { HOME: "/nowhere" } });

const READING = ["overview", "sessions", "events --all", "turns", "usage", "tools", "hooks", "permissions"];
const ALL = [...READING, "paths", "processes", "workspaces", "vault", "failures", "table"];

/** What a verb that cannot begin prints: nothing, and on stderr what is wrong and what to type. */
function refused(ran: Ran, exit: number, pattern: RegExp): void {
  assert.equal(ran.code, exit, ran.stderr);
  assert.equal(ran.stdout, "");
  assert.match(ran.stderr, pattern);
  assert.match(ran.stderr, /^ {2}try: /m);
}

test("a place that is not there, or is no home: 6 from every verb", async (t) => {
  const empty = tempDir(t);
  const file = join(empty, "file");
  writeFileSync(file, "");
  for (const words of ALL) {
    const verb = words.split(" ");
    refused(await inspect(...verb, "--home", join(empty, "none")), 6, /no home exists at .*none \(--home\)/);
    refused(await inspect(...verb, "--home", empty), 6, /is not a home of /);
    refused(await inspect(...verb, "--home", file), 6, /is not a directory|is not a home/);
  }
});

test("words that are no place: 2", async () => {
  for (const place of ["https://example.org/home", "backup:", "backup:@latest"]) {
    refused(await inspect("sessions", "--home", place), 2, /not (?:a place|name a snapshot)/);
  }
});

test("without --home AGH_HOME counts, trimmed and with ~; else ~/.agh", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  const above = join(home, "..");
  const found = async (env: { readonly [name: string]: string }) =>
    (await runHere(tool, ["sessions"], { env })).records.map((session) => session["home"]);
  assert.deepEqual(await found({ AGH_HOME: ` ${home} `, HOME: "/nowhere" }), [home]);
  assert.deepEqual(await found({ AGH_HOME: "~/.agh", HOME: above }), [home]);
  assert.deepEqual(await found({ AGH_HOME: "  ", HOME: above }), [home]);
  assert.deepEqual(await found({ HOME: above }), [home]);
  const none = await runHere(tool, ["sessions"], { env: { AGH_HOME: "/no/such", HOME: above } });
  refused(none, 6, /\/no\/such \(AGH_HOME\)/);
});

test("no agh.db: what the directories tell is printed, exit 3; a verb that needs the catalog ends with 6", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 200 });
  rmSync(join(home, "agh.db"));
  for (const words of READING) {
    const ran = await inspect(...words.split(" "), "--home", home);
    assert.equal(ran.code, 3, `${words}: ${ran.stderr}`);
    assert.ok(words === "tools" || words === "permissions" || ran.records.length > 0, words);
    assert.match(ran.stderr, /the database .*agh\.db does not exist/, words);
  }
  for (const verb of ["workspaces", "vault"]) assert.equal((await inspect(verb, "--home", home)).code, 6, verb);
});

test("ids: unknown and ambiguous alone are 2 from every verb that takes them, among several 3", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const verbs = ["sessions", "events", "turns", "usage", "tools", "hooks", "permissions", "failures"];
  for (const verb of verbs) {
    refused(await inspect(verb, "ffff", "--home", real.home), 2, /session 'ffff' does not exist/);
    assert.equal((await inspect(verb, "0e2a0736", "ffff", "--home", real.home)).code, 3, verb);
  }
  refused(await inspect("show", "ffff", "--home", real.home), 2, /session 'ffff' does not exist/);
  const twin = join(real.home, "sessions/sess-0e2a07363a40ffff");
  cpSync(join(real.home, "sessions/sess-0e2a07363a40f0c0"), twin, { recursive: true });
  const meta = join(twin, "meta.json");
  writeFileSync(meta, readFileSync(meta, "utf8").replace('"sess-0e2a07363a40f0c0"', '"sess-0e2a07363a40ffff"'));
  for (const verb of [...verbs, "show"]) {
    refused(await inspect(verb, "0e2a0736", "--home", real.home), 2, /0e2a07363a40f0c0.*0e2a07363a40ffff|several|more/);
  }
});

test("a broken meta.json: the session is listed with its problem, its events can still be read", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  for (const text of ["", "{", "[]", '{"id":"sess-0e2a07363a40f0c0"}', "\u0000".repeat(300)]) {
    writeFileSync(join(real.home, "sessions/sess-0e2a07363a40f0c0/meta.json"), text);
    const { code, records } = await inspect("sessions", "0e2a0736", "--home", real.home);
    assert.equal(code, 0);
    const [session] = records;
    assert.equal(session!["effective"], "orphaned", JSON.stringify(text));
    assert.match(String(session!["problem"]), /AGH skips this session/);
    const events = await inspect("events", "0e2a0736", "--home", real.home);
    assert.deepEqual([events.code, events.records.length > 5], [0, true]);
  }
});

/** Runs the command as a user to whom nothing belongs; undefined where that cannot be done. */
function asNobody(t: TestContext, home: string, ...argv: readonly string[]): { code: number; out: string } | undefined {
  const node = [process.execPath, join(PROJECT, "bin/agh-inspect.ts"), ...argv, "--home", home];
  // Some systems keep OpenSSL's configuration, which Node reads at its start, from other users.
  const env = cleanEnv({ OPENSSL_CONF: "/dev/null" });
  try {
    execFileSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "test", "-r", node[1]!]);
  } catch {
    t.skip("needs root, setpriv and a project that others may read");
    return undefined;
  }
  try {
    const command = ["--reuid=65534", "--regid=65534", "--clear-groups", ...node];
    return { code: 0, out: execFileSync("setpriv", command, { env, cwd: "/tmp", encoding: "utf8", stdio: "pipe" }) };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout + stderr };
  }
}

test("another user's files: what may be read is read, the rest is told", (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 20 });
  execFileSync("chmod", ["-R", "a+rX", join(home, "..")]);
  const whole = asNobody(t, home, "sessions", "--format", "ids");
  if (!whole) return;
  assert.deepEqual([whole.code, whole.out.split("\n").length], [0, 4]);
  chmodSync(join(home, "sessions", ids[0]!, "events.db"), 0);
  const one = asNobody(t, home, "events", ids[0]!)!;
  assert.equal(one.code, 6);
  assert.match(one.out, /permission denied/);
  const all = asNobody(t, home, "usage")!;
  assert.equal(all.code, 3, all.out);
  assert.match(all.out, new RegExp(`session ${ids[0]}: could not open .*permission denied`));
  chmodSync(home, 0);
  const closed = asNobody(t, home, "sessions")!;
  assert.equal(closed.code, 6, closed.out);
  assert.match(closed.out, /permission denied|not a home/);
});
