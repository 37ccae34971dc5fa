// Sessions on their way into a home: what is there and differs goes to the trash or refuses the whole; nothing else is touched.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { adoptedParts } from "../../lib/custody/directory-parts.ts";
import { ArchiveParts } from "../../lib/custody/archive-parts.ts";
import { installSessions } from "../../lib/custody/install.ts";
import { findPending, type ConflictRules } from "../../lib/custody/plan-install.ts";
import { openCustody } from "../../lib/custody/open-custody.ts";
import { scratchDir } from "../../lib/files/scratch.ts";
import { readReceipt } from "../../lib/formats/archive/archive-reader.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { openPlace, type OpenPlace } from "../../lib/places/place.ts";
import { targetOf } from "../../lib/targets/target.ts";
import { archived, checks } from "../archive/bench.ts";
import { deps } from "../contract/custody-world.ts";
import { madeHome } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

interface Put {
  readonly home: string;
  readonly id: string;
  readonly opened: OpenPlace;
  readonly incoming: ArchiveParts;
}

/** A home whose one session was archived. */
async function put(t: TestContext, prepare: (home: string, id: string) => void = () => undefined): Promise<Put> {
  const made = madeHome(t, { sessions: 1 });
  const [id] = made.ids as [string];
  prepare(made.home, id);
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", made.home, "--to", target);
  const opened = await openPlace(made.home, {}, deps);
  const scratch = scratchDir({ TMPDIR: tempDir(t) });
  t.after(() => scratch.remove());
  const receipt = (await readReceipt(targetOf(target), id))!;
  const incoming = new ArchiveParts(targetOf(target), receipt, { scratch, signal: deps.signal });
  return { home: made.home, id, opened, incoming };
}

const RULES: ConflictRules = { overwrites: (what, more) => new Error(`${what} and ${more} more`) };

function install({ opened, incoming }: Put, rules: Partial<ConflictRules> = {}): ReturnType<typeof installSessions> {
  const run = ulid(deps.now());
  const options = { tool: "test", run, incoming: [incoming], rules: { ...RULES, ...rules }, lockTimeoutMs: 1000 };
  return installSessions(opened, options, deps);
}

const bundleOf = (id: string): string => `logs/crash-bundles/${id}-agent_crash-1.json`;

function withBundles(home: string, id: string): void {
  fs.mkdirSync(path.join(home, "logs/crash-bundles"), { recursive: true });
  fs.writeFileSync(path.join(home, bundleOf(id)), '{"as":"archived"}');
  fs.writeFileSync(path.join(home, bundleOf("sess-other")), "another session's");
}

test("what differs refuses the whole, and names what would be overwritten", async (t) => {
  const it = await put(t, withBundles);
  const meta = path.join(it.home, "sessions", it.id, "meta.json");
  fs.writeFileSync(meta, "{}");
  fs.writeFileSync(path.join(it.home, bundleOf(it.id)), "other");
  const before = treeState(it.home);
  await assert.rejects(install(it), { message: `${meta} and 1 more` });
  const ours = (name: string): boolean => /^\.agh-toolkit(?:\/|$)|^daemon\.lock$|^\.$/.test(name);
  assertUntouched(before, treeState(it.home), { fields: ["atimeNs", "mtimeNs", "ctimeNs"], paths: ours });
});

test("replaced: the session's directory goes to the trash whole, of a shared one the file alone", async (t) => {
  const it = await put(t, withBundles);
  const dir = path.join(it.home, "sessions", it.id);
  const events = fs.readFileSync(path.join(dir, "events.db"));
  fs.writeFileSync(path.join(dir, "meta.json"), "{}");
  fs.writeFileSync(path.join(dir, "notes"), "of a later day");
  fs.writeFileSync(path.join(it.home, bundleOf(it.id)), "other");
  const [pending] = await install(it, { replace: true });
  assert.deepEqual([...pending!.aside].sort(), [path.join(it.home, bundleOf(it.id)), dir].sort());
  assert.deepEqual(fs.readFileSync(path.join(dir, "events.db")), events);
  assert.deepEqual(fs.readdirSync(dir).sort(), ["events.db", "meta.json"]);
  assert.equal(fs.readFileSync(path.join(it.home, bundleOf(it.id)), "utf8"), '{"as":"archived"}');
  assert.equal(fs.readFileSync(path.join(it.home, bundleOf("sess-other")), "utf8"), "another session's");
  const trash = path.join(it.home, ".agh-toolkit/trash");
  const [run] = fs.readdirSync(trash) as [string];
  assert.equal(fs.readFileSync(path.join(trash, run, "sessions", it.id, "notes"), "utf8"), "of a later day");
  assert.equal(fs.readFileSync(path.join(trash, run, bundleOf(it.id)), "utf8"), "other");
  assert.deepEqual(fs.readdirSync(path.join(it.home, ".agh-toolkit/journal")), []);
  assert.deepEqual(checks(it.home), { integrity: ["ok"], foreign: [] });
});

test("what is equivalent stays, though it differs", async (t) => {
  const it = await put(t);
  const dir = path.join(it.home, "sessions", it.id);
  fs.writeFileSync(path.join(dir, "meta.json"), "{}");
  const { custody } = await openCustody(it.opened, deps);
  const compared: string[] = [];
  const isEquivalent: ConflictRules["isEquivalent"] = (_, { dir: of }) => Promise.resolve(compared.push(of) > 0);
  assert.deepEqual(await findPending(custody, [it.incoming], { ...RULES, isEquivalent }), []);
  assert.deepEqual(compared, [dir]);
});

test("a file that is missing comes alone", async (t) => {
  const it = await put(t, withBundles);
  const meta = path.join(it.home, "sessions", it.id, "meta.json");
  const { ino } = fs.statSync(path.join(it.home, "sessions", it.id, "events.db"));
  fs.rmSync(meta);
  fs.rmSync(path.join(it.home, bundleOf(it.id)));
  const [pending] = await install(it);
  assert.deepEqual(pending!.moves.map(({ to }) => to).sort(), [path.join(it.home, bundleOf(it.id)), meta].sort());
  assert.equal(fs.statSync(path.join(it.home, "sessions", it.id, "events.db")).ino, ino);
  assert.deepEqual(await install(it), []);
});

test("a ledger goes where config.toml says now, though nothing is there yet", async (t) => {
  const it = await put(t);
  const ledgers = path.join(path.dirname(it.home), "later/ledgers");
  fs.rmSync(path.join(it.home, "sessions"), { recursive: true });
  fs.appendFileSync(path.join(it.home, "config.toml"), `\n[memory.session]\nledger_root = "${ledgers}"\n`);
  await install(it);
  const partition = it.incoming.partition!;
  assert.ok(fs.statSync(path.join(ledgers, partition, it.id, "ledger.jsonl")).isFile());
  assert.deepEqual(fs.readdirSync(path.join(it.home, "sessions")), [it.id]);
});

test("what root installs into another's home belongs to that home's owner", async (t) => {
  if (process.geteuid?.() !== 0) return void t.skip("needs root");
  const it = await put(t);
  fs.rmSync(path.join(it.home, "sessions"), { recursive: true });
  for (let at = path.dirname(it.home); at.startsWith("/tmp/"); at = path.dirname(at)) fs.chmodSync(at, 0o755);
  fs.chownSync(it.home, 65534, 65534);
  for (const name of fs.readdirSync(it.home, { recursive: true, encoding: "utf8" }))
    fs.chownSync(path.join(it.home, name), 65534, 65534);
  await install(it);
  assert.ok(fs.existsSync(path.join(it.home, "sessions", it.id, "events.db")));
  for (const name of fs.readdirSync(it.home, { recursive: true, encoding: "utf8" })) {
    const { uid, gid } = fs.lstatSync(path.join(it.home, name));
    assert.deepEqual([name, uid, gid], [name, 65534, 65534]);
  }
});

test("a directory that was moved by hand comes with its workspace's row", async (t) => {
  const it = await put(t);
  const manual = path.join(tempDir(t), it.id);
  fs.renameSync(path.join(it.home, "sessions", it.id), manual);
  const { of } = await openCustody(it.opened, deps);
  const adopted = of.manual!.adopt(it.id, manual, deps)!;
  const pending = await install({ ...it, incoming: adoptedParts(adopted) as ArchiveParts });
  assert.deepEqual(
    pending.map(({ moves }) => moves.map(({ part }) => part)),
    [["session"]],
  );
  assert.deepEqual(fs.readdirSync(path.join(it.home, "sessions", it.id)).sort(), ["events.db", "meta.json"]);
  assert.ok(fs.existsSync(path.join(manual, "events.db")), "what was moved by hand stays where it is");
});
