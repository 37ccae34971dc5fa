// agh-ledger seal, checkpoint and verify: what is touched is found, and nobody is trusted further than they can vouch.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { madeHome } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { bare, ledger, ledgersOf, overwrite } from "./home.ts";

interface World {
  readonly home: string;
  readonly ids: readonly string[];
  readonly file: (id: string) => string;
  readonly seal: (id: string) => string;
  readonly key: string;
  readonly pub: string;
  readonly dir: string;
}

/** A home of three sealed sessions, and the key that signed. */
async function sealed(t: TestContext, argv: readonly string[] = ["--key"]): Promise<World> {
  const { home } = madeHome(t, { sessions: 3, events: 300, seed: 5 });
  const dir = path.dirname(home);
  const key = await newKey(dir, "key");
  const { code } = await ledger(home, "seal", "--all", ...argv, ...(argv.includes("--key") ? [key] : []));
  assert.equal(code, 0);
  const files = ledgersOf(home);
  const file = (id: string): string => files.get(id)!;
  const seal = (id: string): string => path.join(path.dirname(file(id)), "ledger.seal");
  return { home, ids: [...files.keys()].sort(), file, seal, key, pub: `${key}.pub`, dir };
}

async function newKey(dir: string, name: string): Promise<string> {
  const file = path.join(dir, name);
  assert.equal((await bare(["keygen", file, "--name", `test.example/${name}`])).code, 0);
  return file;
}

/** Exit code, and status and trust of each record. */
async function verdicts(home: string, ...argv: string[]): Promise<unknown[]> {
  const { code, records } = await ledger(home, "verify", ...argv);
  return [code, ...records.filter((it) => it.kind === "seal").map((it) => [it["status"], it["trust"]])];
}

const OK = (trust: string): unknown[] => ["ok", trust];

test("trust: self, signed, anchored; and never more than is shown", async (t) => {
  const { home, pub, dir, key } = await sealed(t);
  assert.deepEqual(await verdicts(home), [0, OK("self"), OK("self"), OK("self")]);
  assert.deepEqual(await verdicts(home, "--pub", pub), [0, OK("signed"), OK("signed"), OK("signed")]);
  assert.deepEqual(await verdicts(home, "--require-trust", "signed"), [1, OK("self"), OK("self"), OK("self")]);
  const other = await newKey(dir, "other");
  assert.deepEqual(await verdicts(home, "--pub", `${other}.pub`), [1, OK("self"), OK("self"), OK("self")]);
  const anchor = path.join(dir, "checkpoint");
  fs.writeFileSync(anchor, (await ledger(home, "checkpoint", "--key", key)).stdout);
  assert.deepEqual(await verdicts(home, "--pub", pub, "--anchor", anchor), [
    0,
    OK("anchored"),
    OK("anchored"),
    OK("anchored"),
  ]);
  assert.equal((await ledger(home, "verify", "--anchor", anchor)).code, 2);
  assert.equal((await ledger(home, "verify", "--anchor", anchor, "--pub", `${other}.pub`)).code, 1);
});

test("an unsigned seal never reads as more than self, whatever is asked", async (t) => {
  const { home, pub } = await sealed(t, []);
  assert.deepEqual(await verdicts(home, "--pub", pub), [1, OK("self"), OK("self"), OK("self")]);
});

test("ledger and seal made anew together: self believes it, a key and an anchor do not", async (t) => {
  const { home, ids, file, seal, key, pub, dir } = await sealed(t);
  const anchor = path.join(dir, "checkpoint");
  fs.writeFileSync(anchor, (await ledger(home, "checkpoint", "--key", key)).stdout);
  const [id] = ids as [string];
  const old = JSON.parse(fs.readFileSync(seal(id), "utf8")) as { note: string };
  overwrite(file(id), fs.readFileSync(file(id), "utf8").replace('"sequence":9,', '"sequence":9 ,'));
  fs.rmSync(seal(id));
  assert.equal((await ledger(home, "seal", id)).code, 0);
  assert.deepEqual(await verdicts(home, id), [0, OK("self")]);
  assert.deepEqual(await verdicts(home, id, "--pub", pub), [1, OK("self")]);
  assert.deepEqual(await verdicts(home, id, "--pub", pub, "--anchor", anchor), [1, ["rewritten", undefined]]);
  // The old signature put under the new seal.
  const { encodeSealed } = await import("../../lib/formats/sealed-json.ts");
  const { digest: _, ...made } = JSON.parse(fs.readFileSync(seal(id), "utf8")) as Record<string, unknown>;
  overwrite(seal(id), encodeSealed({ ...made, note: old.note }).bytes);
  assert.deepEqual(await verdicts(home, id), [1, ["rewritten", undefined]]);
  // A signature of nobody's under the key's name.
  const own = (await import("../../lib/formats/seal/signed-note.ts")).parseNote(old.note)!;
  const { encodeNote } = await import("../../lib/formats/seal/signed-note.ts");
  const text = own.text.replace(/\n\S+\n$/, `\n${Buffer.from(made["root"] as string, "hex").toString("base64")}\n`);
  overwrite(seal(id), encodeSealed({ ...made, note: encodeNote({ ...own, text }) }).bytes);
  assert.deepEqual(await verdicts(home, id, "--pub", pub), [1, ["tampered", undefined]]);
});

test("what became of each ledger: tampered, truncated, rewritten, missing, unsealed, with the line", async (t) => {
  const { home, ids, file, seal } = await sealed(t);
  const [id] = ids as [string];
  const text = fs.readFileSync(file(id), "utf8");
  const found = async (): Promise<unknown[]> => {
    const { code, records } = await ledger(home, "verify", id);
    return [code, records[0]!["status"], records[0]!["first_bad_line"], records[0]!["first_bad_block"]];
  };
  overwrite(file(id), text.replace('"sequence":280,', '"sequence":281,'));
  assert.deepEqual(await found(), [1, "tampered", 281, 2]);
  overwrite(
    file(id),
    text.slice(0, text.indexOf('{"type":"session_event","version":1,"session_id":"' + id + '","sequence":100,')),
  );
  assert.deepEqual(await found(), [1, "truncated", 101, 1]);
  overwrite(file(id), text.slice(0, -1));
  assert.deepEqual(await found(), [1, "truncated", 301, 2]);
  overwrite(
    file(id),
    text.replaceAll('"type":"session_event"', '"type": "session_event"').replace("ledger_meta", "ledger_Meta"),
  );
  assert.deepEqual(await found(), [1, "rewritten", 1, 1]);
  overwrite(file(id), text.replaceAll("\n", "\r\n"));
  assert.deepEqual(await found(), [1, "rewritten", 1, 1]);
  overwrite(file(id), text);
  assert.deepEqual(await found(), [0, "ok", undefined, undefined]);
  fs.rmSync(file(id));
  assert.deepEqual(await found(), [1, "missing", undefined, undefined]);
  overwrite(file(id), text);
  const sealBytes = fs.readFileSync(seal(id));
  fs.rmSync(seal(id));
  assert.deepEqual(await found(), [1, "unsealed", undefined, undefined]);
  fs.copyFileSync(seal(ids[1]!), seal(id));
  assert.deepEqual(await found(), [1, "tampered", undefined, undefined]);
  fs.rmSync(seal(id));
  fs.symlinkSync(seal(ids[1]!), seal(id));
  assert.deepEqual(await found(), [1, "tampered", undefined, undefined]);
  overwrite(seal(id), sealBytes);
  assert.deepEqual(await found(), [0, "ok", undefined, undefined]);
});

const FLIPS = strength("flips", 120);

test(`${FLIPS} flips over ledgers and seals: all found, naming the session`, async (t) => {
  const { home, ids, file, seal, pub } = await sealed(t);
  let seed = 11;
  const below = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < FLIPS; i++) {
    const id = ids[i % ids.length]!;
    const target = below(2) ? file(id) : seal(id);
    const before = fs.readFileSync(target);
    const flipped = Buffer.from(before);
    flipped[below(flipped.length)]! ^= 1 << below(8);
    overwrite(target, flipped);
    const { code, records } = await ledger(home, "verify", "--pub", pub);
    const bad = records.filter((it) => it.kind !== "summary" && it["status"] !== "ok").map((it) => it["id"]);
    assert.deepEqual([i, code, bad], [i, 1, [id]]);
    overwrite(target, before);
  }
});

test("a checkpoint that was kept: growth is consistent, loss is missing, another home's is refused", async (t) => {
  const { home, ids, file, seal, key, pub, dir } = await sealed(t);
  const [a, b, c] = ids as [string, string, string];
  const anchor = path.join(dir, "checkpoint");
  const early = path.join(dir, "early");
  const text = fs.readFileSync(file(a), "utf8");
  // Sealed and anchored when it had 101 lines, then again when it had grown.
  overwrite(file(a), text.split("\n").slice(0, 101).join("\n") + "\n");
  fs.rmSync(seal(a));
  await ledger(home, "seal", a, "--key", key);
  fs.writeFileSync(early, (await ledger(home, "checkpoint", "--key", key)).stdout);
  overwrite(file(a), text);
  assert.deepEqual(await verdicts(home, a, "--pub", pub, "--anchor", early), [1, ["tampered", undefined]]);
  assert.equal((await ledger(home, "seal", a, "--key", key)).code, 0);
  assert.deepEqual(await verdicts(home, a, "--pub", pub, "--anchor", early), [0, OK("anchored")]);
  fs.writeFileSync(anchor, (await ledger(home, "checkpoint", "--key", key)).stdout);
  fs.rmSync(path.dirname(file(b)), { recursive: true });
  assert.deepEqual(await verdicts(home, "--pub", pub, "--anchor", anchor), [
    1,
    OK("anchored"),
    ["missing", undefined],
    OK("anchored"),
  ]);
  fs.rmSync(path.dirname(file(c)), { recursive: true });
  fs.rmSync(path.join(home, "sessions", c), { recursive: true });
  const missing = await ledger(home, "verify", "--pub", pub, "--anchor", anchor);
  assert.equal(missing.records.filter((it) => it["status"] === "missing").length, 2);
  const other = madeHome(t, { sessions: 1, events: 3, seed: 6 });
  const refused = await ledger(other.home, "verify", "--pub", pub, "--anchor", anchor);
  assert.deepEqual([refused.code, refused.stdout], [4, ""]);
  assert.match(refused.stderr, /--home-id [0-9a-f]{16}/);
});

test("sealing again writes nothing; another key adds its name; a broken ledger keeps its seal", async (t) => {
  const { home, ids, file, key, dir } = await sealed(t);
  const before = treeState(home);
  assert.equal((await ledger(home, "seal", "--all", "--key", key)).code, 0);
  assert.equal((await ledger(home, "seal", "--all")).code, 0);
  assertUntouched(before, treeState(home));
  const second = await newKey(dir, "second");
  const { records } = await ledger(home, "seal", ids[0]!, "--key", second);
  assert.equal((records[0]!["signers"] as string[]).length, 2);
  overwrite(file(ids[1]!), fs.readFileSync(file(ids[1]!), "utf8").replace("session_event", "session_Event"));
  const broken = await ledger(home, "seal", ids[1]!, "--key", key);
  assert.deepEqual([broken.code, broken.records[0]!["code"]], [3, "SEAL_BROKEN"]);
});

test("what is no ledger is not sealed: cut short, CRLF, version 2, another session's", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5, seed: 8 });
  const [[id, file]] = [...ledgersOf(home)] as [[string, string]];
  const text = fs.readFileSync(file, "utf8");
  for (const [content, code] of [
    [text.slice(0, -1), "LEDGER_CUT"],
    [text.replaceAll("\n", "\r\n"), "NOT_A_LEDGER"],
    [`\ufeff${text}`, "NOT_A_LEDGER"],
    ["", "NOT_A_LEDGER"],
    [text.replace('"version":1', '"version":2'), "LEDGER_VERSION"],
    [text.replaceAll(id, "sess-0000000000000000"), "LEDGER_OF_ANOTHER"],
  ] as const) {
    overwrite(file, content);
    const got = await ledger(home, "seal", "--all");
    assert.deepEqual([got.records[0]!["code"], got.code], [code, 3]);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["ledger.jsonl"]);
  }
});

test("keys: an exposed one is refused, the wrong half is named, none is replaced, the secret is never printed", async (t) => {
  const { home, key, pub } = await sealed(t, []);
  assert.equal(fs.statSync(key).mode & 0o777, 0o600);
  const secret = fs.readFileSync(key, "utf8").trim();
  fs.chmodSync(key, 0o640);
  const exposed = await ledger(home, "seal", "--all", "--key", key);
  assert.deepEqual([exposed.code, exposed.stdout], [4, ""]);
  fs.chmodSync(key, 0o600);
  const halves = [await ledger(home, "seal", "--all", "--key", pub), await ledger(home, "verify", "--pub", key)];
  assert.deepEqual(
    halves.map(({ code }) => code),
    [4, 6],
  );
  assert.match(halves[1]!.stderr, /private half/);
  assert.equal((await ledger(home, "verify", "--pub", "/nowhere/key.pub")).code, 6);
  assert.equal((await bare(["keygen", key])).code, 6);
  assert.equal((await bare(["keygen", `${key}2`, "--name", "a b"])).code, 2);
  const all = [
    exposed,
    ...halves,
    await ledger(home, "seal", "--all", "--key", key),
    await ledger(home, "checkpoint", "--key", key),
  ];
  for (const { stdout, stderr } of all) assert.ok(!(stdout + stderr).includes(secret.slice(-20)));
});
