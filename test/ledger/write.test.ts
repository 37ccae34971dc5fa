// agh-ledger write and compare: what AGH wrote is written again byte for byte, and nothing of AGH's is touched.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { realHome } from "../support/homes.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { inEvents, ledger, ledgersOf, oneSession, overwrite } from "./home.ts";

for (const name of ["agh-clean", "agh-killed"]) {
  test(`${name}: every ledger is the same after it was removed and written, or compare says why not`, async (t) => {
    const { home } = realHome(t, name) ?? {};
    if (home === undefined) return;
    const real = new Map([...ledgersOf(home)].map(([id, file]) => [id, fs.readFileSync(file)]));
    const verdicts = new Map((await ledger(home, "compare")).records.map((it) => [it["id"], it["verdict"]]));
    for (const file of ledgersOf(home).values()) fs.rmSync(path.dirname(file), { recursive: true });
    const { code, records } = await ledger(home, "write", "--all");
    assert.equal(code, 0);
    const sessions = fs.globSync("sessions/sess-*", { cwd: home }).map((it) => path.basename(it));
    assert.deepEqual(
      records.slice(0, -1).map((it) => it["state"]),
      sessions.map(() => "written"),
    );
    const written = ledgersOf(home);
    assert.equal(written.size, sessions.length);
    const explained: unknown[] = [];
    for (const [id, bytes] of real) {
      const file = written.get(id)!;
      assert.equal(fs.statSync(file).mode & 0o777, 0o444);
      assert.equal(fs.statSync(path.dirname(file)).mode & 0o777, 0o755);
      if (fs.readFileSync(file).equals(bytes)) assert.equal(verdicts.get(id), "equal");
      else explained.push(verdicts.get(id));
    }
    assert.deepEqual(explained, name === "agh-clean" ? ["ended_at"] : ["prefix"]);
    if (name === "agh-killed") assert.equal(written.size - real.size, 3);
    assert.deepEqual((await ledger(home, "compare")).records.at(-1)!["failed"], 0);
  });
}

test("a second write changes nothing at all", async (t) => {
  const { home, file } = oneSession(t);
  fs.rmSync(file);
  assert.equal((await ledger(home, "write", "--all")).code, 0);
  const before = treeState(home);
  const again = await ledger(home, "write", "--all");
  assert.deepEqual([again.code, again.records[0]!["state"], again.records.at(-1)!["bytes"]], [0, "equal", 0]);
  assertUntouched(before, treeState(home));
});

test("compare, cat and a dry run leave no trace", async (t) => {
  const { home } = realHome(t, "agh-killed") ?? {};
  if (home === undefined) return;
  const before = treeState(home);
  await ledger(home, "compare");
  await ledger(home, "cat", "--all");
  const { records } = await ledger(home, "write", "--all", "--dry-run");
  assert.equal(records.filter((it) => it["state"] === "planned").length, 3);
  await ledger(home, "verify");
  await ledger(home, "seal", "--all", "--dry-run");
  assertUntouched(before, treeState(home));
});

test("a verb that writes names its sessions; an unknown one alone is a usage error", async (t) => {
  const { home } = oneSession(t, 3);
  for (const argv of [["write"], ["seal"], ["cat"], ["write", "sess-ffff"], ["write", "--all", "sess-1"]]) {
    const { code, stdout } = await ledger(home, ...argv);
    assert.deepEqual([argv, code, stdout], [argv, 2, ""]);
  }
});

test("a session that runs, or may run, is left to AGH", async (t) => {
  const { home, id, file } = oneSession(t, 3);
  fs.rmSync(file);
  const meta = path.join(home, "sessions", id, "meta.json");
  fs.writeFileSync(meta, fs.readFileSync(meta, "utf8").replace('"state": "stopped"', '"state": "active"'));
  // A pid that may be anybody's: whether it runs cannot be known.
  fs.writeFileSync(path.join(home, "daemon.json"), JSON.stringify({ pid: process.pid, port: 1 }));
  fs.writeFileSync(path.join(home, "daemon.lock"), `${process.pid}\n`);
  const { tool } = await import("../../bin/agh-ledger.ts");
  const { runTool } = await import("../../lib/cli/run.ts");
  const out: Buffer[] = [];
  const code = await runTool(tool, {
    argv: ["write", "--all", "--home", home],
    stdin: (async function* () {})() as never,
    stdout: { isTTY: false, write: async (bytes) => void out.push(Buffer.from(bytes)) },
    stderr: { isTTY: false, write: () => {} },
    env: {},
    platform: "darwin",
    signal: new AbortController().signal,
    isAlive: () => true,
  });
  assert.equal(code, 3);
  assert.match(Buffer.concat(out).toString(), /"LEDGER_LIVE"/);
  assert.equal(fs.existsSync(file), false);
});

test("every verdict of compare", async (t) => {
  const { home, id, file } = oneSession(t);
  const text = fs.readFileSync(file, "utf8");
  const verdict = async (): Promise<unknown[]> => {
    const { code, records } = await ledger(home, "compare");
    return [records[0]!["verdict"], (records[0]!["evidence"] as { first_difference?: number }).first_difference, code];
  };
  assert.deepEqual(await verdict(), ["equal", undefined, 0]);
  const lines = text.split("\n");
  overwrite(file, lines.slice(0, 11).join("\n") + "\n");
  assert.deepEqual(await verdict(), ["prefix", undefined, 0]);
  overwrite(file, text.replace(/"ended_at":"[^"]*"/, '"ended_at":"2026-01-01T00:00:00Z"'));
  assert.deepEqual(await verdict(), ["ended_at", undefined, 0]);
  overwrite(
    file,
    lines
      .map((line, i) => (i === 4 ? line.replace('"},"timestamp"', '","raw":{"a":[1]}},"timestamp"') : line))
      .join("\n"),
  );
  assert.deepEqual(await verdict(), ["raw_stripped", undefined, 0]);
  overwrite(file, text.replace('"sequence":7,', '"sequence":8,'));
  assert.deepEqual(await verdict(), ["differs", 8, 1]);
  overwrite(file, text + lines[20] + "\n");
  assert.deepEqual(await verdict(), ["differs", 22, 1]);
  overwrite(file, text.slice(0, -1));
  assert.deepEqual(await verdict(), ["differs", 21, 1]);
  overwrite(file, text.replaceAll("\n", "\r\n"));
  assert.deepEqual(await verdict(), ["differs", 1, 1]);
  overwrite(file, `\ufeff${text}`);
  assert.deepEqual(await verdict(), ["differs", 1, 1]);
  overwrite(file, "");
  assert.deepEqual(await verdict(), ["differs", 1, 1]);
  overwrite(file, text);
  inEvents(home, id, "DELETE FROM events");
  assert.deepEqual(await verdict(), ["purged", undefined, 0]);
  const kept = treeState(path.dirname(file));
  assert.equal((await ledger(home, "write", "--all")).records[0]!["state"], "purged");
  assertUntouched(kept, treeState(path.dirname(file)));
});

test("another ledger than events.db gives is left as it is, with a finding", async (t) => {
  const { home, file } = oneSession(t);
  overwrite(file, fs.readFileSync(file, "utf8").replace("session_event", "session_Event"));
  const before = treeState(home);
  const { code, records } = await ledger(home, "write", "--all");
  assert.deepEqual([code, records[0]!.kind, records[0]!["code"]], [3, "finding", "LEDGER_DIFFERS"]);
  assertUntouched(before, treeState(home));
});

test("links are not followed: neither a ledger nor a directory on the way to it", async (t) => {
  const { home, file } = oneSession(t, 5);
  const elsewhere = path.join(path.dirname(home), "elsewhere");
  fs.mkdirSync(elsewhere);
  fs.renameSync(file, path.join(elsewhere, "ledger.jsonl"));
  fs.symlinkSync(path.join(elsewhere, "ledger.jsonl"), file);
  for (const verb of ["compare", "write", "seal"]) {
    const { records, code } = await ledger(home, verb, "--all");
    assert.deepEqual([verb, records[0]!["code"], code], [verb, "NOT_A_LEDGER", 3]);
  }
  fs.rmSync(path.dirname(file), { recursive: true });
  fs.rmSync(path.join(elsewhere, "ledger.jsonl"));
  fs.symlinkSync(elsewhere, path.dirname(file));
  const { records, code } = await ledger(home, "write", "--all");
  assert.deepEqual([records[0]!["code"], code, fs.readdirSync(elsewhere)], ["NOT_A_DIRECTORY", 3, []]);
});

test("a home that others may write to is refused; ledger_root and unbound_partition of config.toml count", async (t) => {
  const { home, id, file } = oneSession(t, 5);
  const expected = fs.readFileSync(file, "utf8");
  fs.chmodSync(home, 0o770);
  assert.equal((await ledger(home, "write", "--all")).code, 4);
  fs.chmodSync(home, 0o700);
  const root = path.join(path.dirname(home), "ledgers");
  fs.writeFileSync(
    path.join(home, "config.toml"),
    `[memory.session]\nledger_root = "${root}"\nunbound_partition = "none"\n`,
  );
  const meta = path.join(home, "sessions", id, "meta.json");
  fs.writeFileSync(meta, fs.readFileSync(meta, "utf8").replace(/"workspace_id": "[^"]*"/, '"workspace_id": "../x"'));
  const unsafe = await ledger(home, "write", "--all");
  assert.deepEqual([unsafe.code, unsafe.records[0]!["code"]], [3, "UNSAFE_ID"]);
  fs.writeFileSync(meta, fs.readFileSync(meta, "utf8").replace("../x", "ws_0123456789abcdef"));
  assert.equal((await ledger(home, "write", "--all")).code, 0);
  const written = fs.readFileSync(path.join(root, "ws_0123456789abcdef", id, "ledger.jsonl"), "utf8");
  assert.equal(written, expected.replace(/"workspace_id":"[^"]*"/, '"workspace_id":"ws_0123456789abcdef"'));
  fs.writeFileSync(path.join(home, "config.toml"), "[memory.session\nledger_root=1");
  assert.equal((await ledger(home, "write", "--all")).code, 4);
});

test("cat prints what events.db held, also when it is gone", async (t) => {
  const { home } = realHome(t, "agh-clean") ?? {};
  if (home === undefined) return;
  const { tool } = await import("../../bin/agh-inspect.ts");
  const { runHere } = await import("../support/memory.ts");
  const id = "sess-c29df2ed37712133";
  const events = await runHere(tool, ["events", id, "--home", home], { env: { HOME: "/nowhere" } });
  fs.rmSync(path.join(home, "sessions", id, "events.db"));
  const cat = await ledger(home, "cat", id);
  assert.equal(cat.code, 0);
  assert.equal(cat.stdout, events.stdout);
});

test("cat refuses what is no ledger of that session, naming what it is", async (t) => {
  const { home, id, file } = oneSession(t, 5);
  const text = fs.readFileSync(file, "utf8");
  const refused = async (content: string): Promise<string> => {
    overwrite(file, content);
    const { code, stderr } = await ledger(home, "cat", id);
    assert.equal(code, 6);
    return stderr;
  };
  assert.match(await refused(text.replace('"version":1', '"version":2')), /version 2; this version knows 1/);
  assert.match(await refused(`\ufeff${text}`), /not a ledger_meta/);
  assert.match(await refused(text.replaceAll("\n", "\r\n")), /CRLF/);
  assert.match(await refused(text.replaceAll(id, "sess-0000000000000000")), /is the ledger of "sess-0000000000000000"/);
  assert.match(await refused(text.slice(0, -40)), /line 6 is not a session_event/);
  assert.match(await refused(""), /not a ledger_meta/);
});

test("a line of 8 MB is written, compared, sealed, verified and read back", async (t) => {
  const { home, id, file } = oneSession(t, 3);
  fs.rmSync(file);
  const sql = "'{\"t\" : \"' || replace(printf('%.*c', 2000000, 'x'), 'x', 'a<b') || '\"}'";
  inEvents(home, id, `UPDATE events SET content = ${sql} WHERE sequence = 2`);
  assert.equal((await ledger(home, "write", "--all")).code, 0);
  const lines = fs.readFileSync(file, "utf8").split("\n");
  assert.ok(lines[2]!.includes(`"content":{"t":"${"a\\u003cb".repeat(2_000_000)}"},"timestamp"`));
  assert.equal((await ledger(home, "compare")).records[0]!["verdict"], "equal");
  assert.equal((await ledger(home, "seal", id)).code, 0);
  assert.equal((await ledger(home, "verify", id)).records[0]!["status"], "ok");
  const cat = (await ledger(home, "cat", id)).stdout.split("\n");
  assert.equal((JSON.parse(cat[1]!) as { content: { t: string } }).content.t.length, 6_000_000);
});
