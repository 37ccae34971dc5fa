// agh-ledger prove and check-proof, and the same check by docs/proof.md's own Python.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { madeHome, PROJECT } from "../support/homes.ts";
import { bare, ledger, ledgersOf, overwrite } from "./home.ts";

async function world(t: Parameters<typeof madeHome>[0]) {
  const { home } = madeHome(t, { sessions: 2, events: 700, seed: 9 });
  const dir = path.dirname(home);
  const key = path.join(dir, "key");
  await bare(["keygen", key, "--name", "test.example/key"]);
  await ledger(home, "seal", "--all", "--key", key);
  const [id, other] = [...ledgersOf(home).keys()] as [string, string];
  const at = (name: string, text: string): string => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, text);
    return file;
  };
  return { home, dir, key, pub: `${key}.pub`, id, other, at };
}

test("every kind of place in the tree is proven; every change of a proof is found", async (t) => {
  const { home, id, pub, at } = await world(t);
  for (const sequence of ["1", "255", "256", "512", "699", "700"]) {
    const { code, stdout } = await ledger(home, "prove", id, sequence);
    assert.equal(code, 0);
    const good = at("proof", stdout);
    const checked = await bare(["check-proof", good, "--pub", pub]);
    assert.equal(checked.code, 0);
    const [record] = checked.records;
    assert.deepEqual([record!["id"], record!["status"], record!["trust"]], [`${id}#${sequence}`, "ok", "signed"]);
    const proof = JSON.parse(stdout) as { path: string[]; line: string; note: string };
    const changes: object[] = [
      { sequence: 3 },
      { index: 0 },
      { size: 700 },
      { root: "0".repeat(64) },
      { path: proof.path.slice(1) },
      { path: proof.path.with(0, "f".repeat(64)) },
      { line: Buffer.from(Buffer.from(proof.line, "base64").toString().replace("event", "Event")).toString("base64") },
      { session_id: "sess-0000000000000000" },
      { note: proof.note.replace("\n701\n", "\n702\n") },
      {
        note: proof.note.replace(
          / (\S)(\S+)\n$/,
          (_, first: string, rest: string) => ` ${first === "A" ? "B" : "A"}${rest}\n`,
        ),
      },
      { note: undefined },
    ];
    for (const change of changes) {
      const bad = at("bad", JSON.stringify({ ...proof, ...change }));
      assert.notEqual((await bare(["check-proof", bad, "--pub", pub])).code, 0, JSON.stringify(change).slice(0, 80));
    }
  }
});

test("the first line is proven without a sequence; stdin is read; without a key it is self", async (t) => {
  const { home, id } = await world(t);
  const { stdout } = await ledger(home, "prove", id);
  const { code, records } = await bare(["check-proof", "-"], stdout);
  assert.deepEqual([code, records[0]!["id"], records[0]!["trust"], records[0]!["line"]], [0, `${id}#head`, "self", 1]);
});

test("a checkpoint of one's own anchors a proof; one that came with it only signs", async (t) => {
  const { home, id, other, key, pub, at, dir } = await world(t);
  for (const file of fs.globSync("sessions/*/*/ledger.seal", { cwd: home })) fs.rmSync(path.join(home, file));
  await ledger(home, "seal", "--all");
  const anchor = at("checkpoint", (await ledger(home, "checkpoint", "--key", key)).stdout);
  const trust = async (file: string, ...argv: string[]): Promise<unknown> =>
    (await bare(["check-proof", file, ...argv])).records[0]?.["trust"];
  const alone = at("alone", (await ledger(home, "prove", id, "5")).stdout);
  const brought = at("brought", (await ledger(home, "prove", id, "5", "--pub", pub, "--anchor", anchor)).stdout);
  assert.deepEqual(
    [await trust(alone, "--pub", pub), await trust(brought, "--pub", pub), await trust(brought)],
    ["self", "signed", "self"],
  );
  assert.equal(await trust(alone, "--pub", pub, "--anchor", anchor), "anchored");
  fs.rmSync(path.join(path.dirname(ledgersOf(home).get(id)!), "ledger.seal"));
  const without = at("without", (await ledger(home, "checkpoint", "--key", key)).stdout);
  assert.match(fs.readFileSync(without, "utf8"), new RegExp(`\n1\n\\S+\n${other} `));
  assert.equal((await bare(["check-proof", alone, "--pub", pub, "--anchor", without])).code, 1);
  assert.ok(dir);
});

test("nothing is proven of a ledger that was touched, has no seal, or has no such event", async (t) => {
  const { home, id, other } = await world(t);
  assert.equal((await ledger(home, "prove", id, "701")).code, 2);
  const file = ledgersOf(home).get(id)!;
  overwrite(file, fs.readFileSync(file, "utf8").replace('"sequence":600,', '"sequence":601,'));
  assert.equal((await ledger(home, "prove", id, "5")).code, 1);
  fs.rmSync(path.join(path.dirname(ledgersOf(home).get(other)!), "ledger.seal"));
  assert.equal((await ledger(home, "prove", other, "5")).code, 6);
  for (const text of ["", "{}", "[1]", "x"]) assert.equal((await bare(["check-proof", "-"], text)).code, 2);
});

test("docs/proof.md: its Python and openssl come to the same end", async (t) => {
  if (spawnSync("python3", ["--version"]).status !== 0) return t.skip("there is no python3 here");
  if ((spawnSync("openssl", ["version"]).stdout?.toString() ?? "").startsWith("OpenSSL 3") === false)
    return t.skip("there is no openssl 3 here");
  const { home, id, pub, at } = await world(t);
  const doc = fs.readFileSync(path.join(PROJECT, "docs/proof.md"), "utf8");
  const script = at("check.py", /^```python\n(.*?)^```$/ms.exec(doc)![1]!);
  const lines = fs
    .readFileSync(script, "utf8")
    .split("\n")
    .filter((it) => it.trim() !== "" && !it.startsWith("#"));
  assert.ok(lines.length <= 30, `${lines.length} lines`);
  const python = (proof: string): ReturnType<typeof spawnSync> => spawnSync("python3", [script, at("p", proof), pub]);
  for (const sequence of ["1", "256", "700"]) {
    const { stdout } = await ledger(home, "prove", id, sequence);
    const good = python(stdout);
    assert.equal(good.status, 0, String(good.stderr));
    assert.equal((JSON.parse(String(good.stdout)) as { sequence: number }).sequence, Number(sequence));
    const proof = JSON.parse(stdout) as { note: string; line: string; index: number };
    for (const change of [
      { index: proof.index + 1 },
      { line: "eA==" },
      { note: proof.note.replace(/ (\S{12})(\S)/, (_, a: string, b: string) => ` ${a}${b === "A" ? "B" : "A"}`) },
    ]) {
      assert.notEqual(python(JSON.stringify({ ...proof, ...change })).status, 0, JSON.stringify(change).slice(0, 60));
    }
  }
});
