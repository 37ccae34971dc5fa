// A repository with snapshots of two homes: `latest` and times mean the newest of the home that is named, and nothing where none is.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { putDrill } from "../../lib/formats/repository/drill-result.ts";
import { openRepository } from "../../lib/formats/repository/repository.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { bench, type Bench } from "./tool.ts";

interface One {
  readonly path: string;
  readonly id: string;
  readonly sessions: readonly string[];
  /** The newest snapshot. */
  readonly newest: string;
}

interface Two {
  readonly repo: Bench;
  /** Its newest snapshot is older than that of `b`. */
  readonly a: One;
  readonly b: One;
}

async function twoHomes(t: TestContext): Promise<Two> {
  const repo = await bench(t);
  const make = async (name: string): Promise<One> => {
    const { home, ids } = makeHome(join(repo.dir, name, ".agh"), { sessions: 2, events: 4 });
    await repo.create(home);
    appendFileSync(join(home, "config.toml"), `# ${name}\n`);
    const { id, home_id } = await repo.create(home);
    return { path: home, sessions: ids, id: String(home_id), newest: String(id) };
  };
  return { repo, a: await make("alpha"), b: await make("beta") };
}

const idOf = (records: readonly AnyRecord[]): unknown => records.find(({ kind }) => kind === "snapshot")?.["id"];

/** Which snapshot a verb took, told from what it printed or made. */
interface WordVerb {
  readonly argv: (word: string, two: Two) => readonly string[];
  readonly took: (ran: Ran, two: Two) => unknown;
}

const WORD_VERBS: { readonly [name: string]: WordVerb } = {
  show: { argv: (word) => ["show", word], took: ({ records }) => idOf(records) },
  diff: {
    argv: (word, { a }) => ["diff", word, a.newest],
    // Nothing differs where both are the same.
    took: ({ code }, { a, b }) => (code === 0 ? a.newest : b.newest),
  },
  "restore --to": {
    argv: (word, { repo }) => ["restore", word, "--to", join(repo.dir, "to")],
    took: ({ records }, { repo }) => {
      rmSync(join(repo.dir, "to"), { recursive: true });
      return idOf(records);
    },
  },
  "restore --to --session": {
    argv: (word, { repo, a, b }) => {
      const id = a.sessions[0] === b.sessions[0] ? a.sessions[0]! : "sess-";
      return ["restore", word, "--session", id, "--to", join(repo.dir, "to")];
    },
    took: ({ records }, { repo }) => {
      rmSync(join(repo.dir, "to"), { recursive: true });
      return idOf(records);
    },
  },
  drill: {
    argv: (word) => ["drill", word],
    took: ({ records }) => records.find(({ kind }) => kind === "verdict")?.["id"],
  },
  copy: {
    argv: (word, { repo }) => ["copy", word, "--dry-run", "--to-repo", join(repo.dir, "other")],
    took: ({ records }) => idOf(records),
  },
};

function assertRefused({ code, stdout, stderr }: Ran, { a, b }: Two, what: string): void {
  assert.equal(code, 2, `${what}: ${stderr}`);
  assert.equal(stdout, "", what);
  for (const { id, path, newest } of [a, b]) {
    assert.ok(
      [id, path, newest, hostname(), "min old"].every((text) => stderr.includes(text)),
      `${what}: ${stderr}`,
    );
  }
}

test("every verb that takes a snapshot word, with and without the home", async (t) => {
  const two = await twoHomes(t);
  const { repo, a, b } = two;
  const other = await bench(t);
  cpSync(other.repo, join(repo.dir, "other"), { recursive: true });
  const soon = new Date(Date.now() + 60_000).toISOString();
  for (const [name, { argv, took }] of Object.entries(WORD_VERBS)) {
    for (const word of ["latest", soon]) {
      assertRefused(await repo.run(...argv(word, two)), two, `${name} ${word}`);
      for (const one of [a, b]) {
        const flags = [`--home-id ${one.id}`, `--home ${one.path}`, `--home ${one.id}`];
        for (const flag of word === "latest" ? flags : flags.slice(0, 1)) {
          const ran = await repo.run(...argv(word, two), ...flag.split(" "));
          assert.ok(ran.code < 2, `${name} ${flag}: ${ran.stderr}`);
          assert.equal(took(ran, two), one.newest, `${name} ${word} ${flag}`);
        }
      }
    }
  }
  assertRefused(await repo.run("verify", "latest"), two, "verify");
  assert.equal((await repo.run("verify", "latest", "--home", a.path)).code, 0);
  const mismatch = await repo.run("show", b.newest, "--home-id", a.id);
  assert.equal(mismatch.code, 2);
  assert.match(mismatch.stderr, new RegExp(`is of home ${b.id}.*not of home ${a.id}`));
  const listed = await repo.ok("list", "--home", a.path);
  assert.deepEqual(new Set(listed.records.map(({ home_id }) => home_id)), new Set([a.id]));
});

const READERS: readonly (readonly [Tool, ...string[]])[] = [
  [inspect, "sessions"],
  [inspect, "paths"],
  [inspect, "overview"],
  [archive, "put", "--all", "--to", "/dev/null/none"],
  [ledger, "compare", "--all"],
  [reconcile, "check"],
  [reconcile, "boot"],
  [vacuum, "report"],
];

test("backup:REPO@latest, in reading verbs of the other tools", async (t) => {
  const two = await twoHomes(t);
  const env = { TMPDIR: two.repo.dir };
  for (const [tool, ...argv] of READERS) {
    const home = ["--home", `backup:${two.repo.repo}@latest`];
    const what = `${tool.name} ${argv.join(" ")}`;
    assertRefused(await runHere(tool, [...argv, ...home], { env }), two, what);
    for (const { id, newest } of [two.a, two.b]) {
      const argvOf = argv.map((word) => word.replace("/dev/null/none", join(two.repo.dir, "archives", id)));
      const { code, stdout, stderr } = await runHere(tool, [...argvOf, ...home, "--home-id", id], { env });
      assert.ok(code < 2, `${what}: ${stderr}`);
      assert.ok(!stdout.includes("backup:") || stdout.includes(newest), what);
    }
  }
});

test("restore --into takes snapshots of that home alone; another one's is refused (4) unless it is meant", async (t) => {
  const { repo, a, b } = await twoHomes(t);
  const into = (...words: string[]): Promise<Ran> => repo.run("restore", ...words, "--into", a.path);
  const before = readFileSync(join(a.path, "config.toml"), "utf8");
  const soon = new Date(Date.now() + 60_000).toISOString();
  for (const words of [["latest"], [soon], ["latest", "--at", soon], [a.newest], ["latest", "--home", a.path]]) {
    const { code, records, stderr } = await into(...words);
    assert.equal(code, 0, stderr);
    const [head] = records;
    assert.deepEqual([head!.kind, head!["verb"], head!["state"]], ["action", "restore-snapshot", "planned"]);
    const { age_ms: age, ...subject } = head!["subject"] as { readonly [name: string]: unknown };
    assert.ok(Number(age) >= 0);
    assert.deepEqual([subject["snapshot"], subject["home_id"], subject["into_home_id"]], [a.newest, a.id, a.id]);
    assert.equal(subject["snapshot_state"], "unproven");
  }
  const others = [[b.newest], ["latest", "--home-id", b.id], ["latest", "--home", b.path], [b.newest.slice(0, 25)]];
  for (const words of others) {
    for (const more of [[], ["--apply"], ["--only", "config"], ["--session", b.sessions[0]!]]) {
      const { code, stdout, stderr } = await into(...words, ...more);
      assert.deepEqual([code, stdout], [4, ""], words.join(" "));
      assert.match(stderr, new RegExp(`is of home ${b.id} .*--from-other-home`, "s"));
    }
  }
  assert.equal(readFileSync(join(a.path, "config.toml"), "utf8"), before);
  const ambiguous = await into("latest", "--from-other-home");
  assert.equal(ambiguous.code, 2, ambiguous.stderr);
  for (const words of [[b.newest], ["latest", "--home-id", b.id]]) {
    const { records, code, stderr } = await into(...words, "--from-other-home", "--only", "config");
    assert.equal(code, 0, stderr);
    assert.equal((records[0]!["subject"] as { snapshot: string }).snapshot, b.newest);
  }
  const to = await repo.run("restore", a.newest, "--to", join(repo.dir, "x"), "--from-other-home");
  assert.equal(to.code, 2);
});

test("a home that is lost is found by its path, one that has moved by its id", async (t) => {
  const { repo, a, b } = await twoHomes(t);
  const latest = async (...home: string[]): Promise<unknown> =>
    idOf((await repo.ok("show", "latest", ...home)).records);
  renameSync(a.path, join(repo.dir, "moved"));
  assert.equal(await latest("--home", a.path), a.newest);
  const moved = join(repo.dir, "moved");
  const unknown = await repo.run("restore", "latest", "--into", moved);
  assert.equal(unknown.code, 2);
  assert.ok(
    [a.id, b.id, "--home-id"].every((text) => unknown.stderr.includes(text)),
    unknown.stderr,
  );
  assert.equal((await repo.run("restore", a.newest, "--into", moved)).code, 4);
  assert.equal((await repo.run("restore", "latest", "--home-id", b.id, "--into", moved)).code, 4, "it is still there");
  await repo.ok("restore", "latest", "--home-id", a.id, "--only", "config", "--into", moved);
  appendFileSync(join(moved, "config.toml"), "# more\n");
  await repo.ok("restore", "latest", "--home-id", a.id, "--only", "config", "--into", moved, "--apply");
  // From now on it says itself who it is.
  assert.equal(await latest("--home", moved), a.newest);
  assert.equal((await repo.create(moved))["home_id"], a.id);
  await repo.ok("restore", "latest", "--into", moved);
  rmSync(join(moved, "agh.db"));
  rmSync(join(moved, "sessions"), { recursive: true });
  rmSync(join(moved, "config.toml"));
  assert.notEqual(await latest("--home", moved), undefined, "what is left of it tells");
  const pruned = await repo.ok("prune", "--keep-last", "1", "--home", b.path);
  const dropped = pruned.records.filter(({ kind }) => kind === "action");
  assert.deepEqual(
    new Set(dropped.flatMap(({ subject }) => (subject as { home_id?: string }).home_id ?? [])),
    new Set([b.id]),
  );
});

test("drill without an id drills the newest of every home", async (t) => {
  const { repo, a, b } = await twoHomes(t);
  const { records } = await repo.ok("drill");
  const verdicts = records.filter(({ kind }) => kind === "verdict");
  assert.deepEqual(new Set(verdicts.map(({ id }) => id)), new Set([a.newest, b.newest]));
  assert.equal(records.filter(({ kind }) => kind === "summary").length, 1);
  const one = await repo.ok("drill", "--home-id", a.id);
  assert.deepEqual(
    one.records.filter(({ kind }) => kind === "verdict").map(({ id }) => id),
    [a.newest],
  );
});

async function failDrill(url: string, snapshot: string, home_id: string): Promise<void> {
  const repo = await openRepository(url, { env: {} });
  const at = new Date().toISOString();
  const finding = { code: "EVENTS_MISSING", severity: "error" as const, message: "events are missing" };
  await putDrill(repo, {
    format: repo.file.format,
    id: ulid(new Date()),
    snapshot,
    home_id,
    toolkit: "0",
    started_at: at,
    finished_at: at,
    verdict: "failed",
    counts: {},
    findings: [finding],
  });
}

test("a snapshot that is bad is restored when it is named, and says so with the newest that is not", async (t) => {
  const { repo, a } = await twoHomes(t);
  const [older] = (await repo.ok("list", "--home", a.path)).records.map(({ id }) => String(id)).sort() as [string];
  await repo.ok("drill", older);
  await failDrill(repo.repo, a.newest, a.id);
  for (const where of [
    ["--to", join(repo.dir, "bad")],
    ["--into", a.path],
  ]) {
    const { records } = await repo.ok("restore", "latest", "--home", a.path, ...where);
    const [found] = records;
    assert.deepEqual([found!["code"], found!["severity"], found!["id"]], ["SNAPSHOT_BAD", "warn", a.newest]);
    assert.match(String(found!["message"]), new RegExp(`the drill of .* failed; events are missing; .*${older}`));
  }
  const tty = await runHere(
    (await import("../../bin/agh-backup.ts")).tool,
    ["restore", older, "--into", a.path, "--repo", repo.repo],
    { tty: true },
  );
  assert.match(
    tty.stderr.split("\n")[0]!,
    new RegExp(`snapshot ${older} of home ${a.id} .*good, replaces the whole home in`),
  );
});

test("what is newer in the home is in the plan; latest is never what a restore has replaced", async (t) => {
  const repo = await bench(t);
  const { home, ids } = makeHome(join(repo.dir, "home", ".agh"), { sessions: 2, events: 4 });
  const id = String((await repo.create(home))["id"]);
  const [longer, known] = ids as [string, string];
  const young = "sess-00000000000000ff";
  cpSync(join(home, "sessions", known), join(home, "sessions", young), { recursive: true });
  const meta = join(home, "sessions", young, "meta.json");
  writeFileSync(meta, readFileSync(meta, "utf8").replaceAll(known, young));
  const db = new DatabaseSync(join(home, "sessions", longer, "events.db"));
  const columns = db
    .prepare("SELECT name FROM pragma_table_info('events')")
    .all()
    .map(({ name }) => String(name));
  const values = columns.map((name) => (name === "id" ? "'new'" : name === "sequence" ? "99" : `"${name}"`));
  db.exec(
    `INSERT INTO events (${columns.map((name) => `"${name}"`).join()}) SELECT ${values.join()} FROM events LIMIT 1`,
  );
  db.close();
  const head = async (...words: string[]): Promise<unknown> =>
    (await repo.ok("restore", "latest", ...words, "--into", home)).records[0]!["loses"];
  const whole = await head();
  assert.match(
    String(whole),
    new RegExp(`1 session that it does not hold: ${young}; newer events of 1 session: ${longer} \\(\\d+–99\\)`),
  );
  assert.match(String(await head("--only", "sessions")), new RegExp(`^newer events of 1 session: ${longer}`));
  assert.match(
    String(await head("--session", longer, "--replace")),
    new RegExp(`^newer events of 1 session: ${longer}`),
  );
  assert.equal(await head("--only", "catalog"), null);
  for (const _ of [1, 2]) {
    const { records } = await repo.ok("restore", "latest", "--into", home, "--apply");
    assert.equal((records[0]!["subject"] as { snapshot: string }).snapshot, id);
  }
  assert.ok(!existsSync(join(home, "sessions", young)));
  assert.equal(idOf((await repo.ok("show", "latest")).records), id);
});
