// What is AGH's own in its custody: catalogs of other schemas, workspaces that are taken, directories moved by hand, damage.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { decodeRows } from "../../../lib/formats/archive/rows.ts";
import { agh } from "../../../lib/sources/agh/agh.ts";
import type { LocalSession, SessionParts } from "../../../lib/sources/custody.ts";
import { copyTree, deps, homeOf, stage } from "../../contract/custody-world.ts";
import { madeHome } from "../../support/homes.ts";
import { tempDir } from "../../support/temp.ts";
import { sql } from "./boot-world.ts";

async function opened(t: TestContext) {
  const { home: root, ids } = madeHome(t, { sessions: 3, events: 10 });
  const home = homeOf(agh, root);
  const custody = await agh.custody!();
  const of = await custody.open(home, deps);
  const locals: LocalSession[] = [];
  for await (const session of agh.sessions(home, { lastEvents: true }, deps)) locals.push(of.inspect(session)!);
  const world = { root, base: root, database: "agh.db", home, source: agh, custody, opened: of, locals };
  const dirs = locals.map((_, at) => path.join(tempDir(t, "parts"), String(at)));
  const parts = locals.map((local, at) => {
    fs.mkdirSync(dirs[at]!);
    return stage(world, local, dirs[at]!);
  });
  return { ...world, ids, dirs, parts };
}

/** The parts as if they came from another home. */
const fromElsewhere = (parts: SessionParts): SessionParts => ({ ...parts, homeId: "elsewhere" });

test("a catalog of another schema takes no rows but its own home's, of an earlier one", async (t) => {
  const { root, opened: of, parts } = await opened(t);
  const [one] = parts;
  sql(path.join(root, "agh.db"), `PRAGMA foreign_keys=OFF`, `DELETE FROM sessions WHERE id = '${one!.id}'`);
  sql(
    path.join(root, "agh.db"),
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (999, 'later', 'c', '')",
  );
  assert.deepEqual(await of.compareRows([one!]), [{ state: "missing" }]);
  for (const thorough of [false, true]) {
    const [state] = await of.compareRows([fromElsewhere(one!)], { thorough });
    assert.ok(state!.state === "conflict" && state!.code === "E_SCHEMA_DIFFERS");
    assert.match(state!.reason, /does not fit the catalog of .*: the archive lacks 999 later c$/);
    assert.match(state!.hint!, /start the daemon once/);
  }
  const withoutLast = "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)";
  sql(path.join(root, "agh.db"), withoutLast, withoutLast);
  const [state] = await of.compareRows([one!]);
  assert.ok(state!.state === "conflict" && /the home lacks/.test(state!.reason), "rows of a later schema");
});

test("a workspace whose directory another one has is a conflict; one that is missing comes with the rows", async (t) => {
  const { root, custody, home, opened: of, parts, dirs } = await opened(t);
  const one = fromElsewhere(parts[0]!);
  const { values } = (await one.rows()).rows.find(({ table }) => table === "workspaces")!;
  const file = path.join(root, "agh.db");
  sql(file, "PRAGMA foreign_keys=OFF; DELETE FROM sessions; DELETE FROM event_summaries; DELETE FROM permission_log");
  sql(file, `PRAGMA foreign_keys=OFF; UPDATE workspaces SET id = 'ws_other' WHERE id = '${String(values["id"])}'`);
  const [state] = await of.compareRows([one], { thorough: true });
  assert.ok(state!.state === "conflict" && state!.code === "E_WORKSPACE_TAKEN");
  assert.match(state!.reason, /^session sess-\w+: workspace .* is missing, and ws_other has its directory or name$/);
  sql(file, "PRAGMA foreign_keys=OFF; DELETE FROM workspaces WHERE id = 'ws_other'");
  assert.deepEqual(await of.compareRows([one], { thorough: true }), [{ state: "missing" }]);
  assert.ok(custody.rowExecutor(home, deps).insert([path.join(dirs[0]!, "rows.jsonl")], false).inserted > 1);
  const db = new DatabaseSync(file);
  assert.ok(db.prepare("SELECT 1 FROM workspaces WHERE id = ?").get(String(values["id"])));
  db.close();
});

test("an orphaned row is a missing one, and becomes what it was", async (t) => {
  const { root, custody, home, opened: of, parts, dirs } = await opened(t);
  sql(path.join(root, "agh.db"), `UPDATE sessions SET state = 'orphaned' WHERE id = '${parts[0]!.id}'`);
  for (const thorough of [false, true]) {
    assert.deepEqual(await of.compareRows(parts, { thorough }), [
      { state: "missing" },
      { state: "present" },
      { state: "present" },
    ]);
  }
  custody.rowExecutor(home, deps).insert(
    dirs.map((dir) => path.join(dir, "rows.jsonl")),
    true,
  );
  assert.deepEqual(
    await of.compareRows(parts, { thorough: true }),
    parts.map(() => ({ state: "present" })),
  );
});

test("events that cannot be read are told by the code of what is wrong, here and among the parts", async (t) => {
  const { custody, home, locals, dirs, parts } = await opened(t);
  const files = locals.map(({ trees }) => path.join(trees[0]!.dir, "events.db"));
  fs.writeFileSync(files[0]!, "no database at all, but some text that is long enough to be looked at as one".repeat(3));
  const db = new DatabaseSync(files[1]!);
  db.exec("ALTER TABLE events RENAME TO former");
  db.close();
  fs.rmSync(files[2]!);
  const again = await custody.open(home, deps);
  const codes = await Promise.all(locals.map(async (local) => (await again.events(local)).damaged));
  assert.deepEqual(codes, ["E_NOT_A_DATABASE", "E_FOREIGN_DATABASE", "E_NO_DATABASE"]);
  fs.copyFileSync(files[1]!, path.join(dirs[1]!, "session/events.db"));
  assert.deepEqual(await custody.events(parts[1]!), { events: null, damaged: "E_FOREIGN_DATABASE" });
  const withoutDatabase = { ...parts[2]!, files: parts[2]!.files.filter(({ path: name }) => !name.endsWith(".db")) };
  assert.deepEqual(await custody.events(withoutDatabase), { events: null, damaged: "E_NO_DATABASE" });
});

test("a directory that was moved by hand is adopted by its meta.json, with a row for its workspace", async (t) => {
  const { custody, locals, opened: of } = await opened(t);
  const manual = custody.manual!;
  const moved = path.join(tempDir(t, "moved"), "some-name");
  copyTree(locals[0]!.trees[0]!.dir, path.join(moved, "below"));
  assert.equal(manual.idOf(path.join(moved, "below")), locals[0]!.id);
  assert.equal(manual.idOf(moved), "some-name");
  assert.equal(manual.within(moved), path.join(moved, "below"));
  assert.equal(manual.adopt("sess-0000000000000000", moved, deps), undefined);
  const adopted = manual.adopt(locals[0]!.id, moved, deps)!;
  assert.deepEqual(
    adopted.files.map(({ path: name }) => name),
    locals[0]!.paths.map(({ path: name }) => name).filter((name) => name.startsWith("session")),
  );
  assert.deepEqual(await custody.events(adopted), await of.events(locals[0]!));
  const { rows } = await adopted.rows();
  assert.deepEqual(
    rows.map(({ table }) => table),
    ["workspaces"],
  );
  assert.deepEqual(await of.compareRows([adopted]), [{ state: "present" }]);
  fs.rmSync(path.join(moved, "below/meta.json"));
  assert.equal(manual.adopt(locals[0]!.id, moved, deps), undefined);
});

test("crash bundles stay and do not count, a link is followed or named, what SQLite makes anew is nobody's loss", async (t) => {
  const { root, custody, home, locals } = await opened(t);
  const [local] = locals;
  const { dir } = local!.trees[0]!;
  fs.mkdirSync(path.join(root, "logs/crash-bundles"), { recursive: true });
  fs.writeFileSync(path.join(root, `logs/crash-bundles/${local!.id}-crash-1.json`), "{}");
  for (const name of ["events.db-shm", "events.db-wal", ".agh-toolkit-1"]) fs.writeFileSync(path.join(dir, name), "");
  const look = async (): Promise<LocalSession> => (await custody.open(home, deps)).inspect(local!.session)!;
  const now = await look();
  assert.deepEqual([now.fingerprint, now.bytes, now.unexpected], [local!.fingerprint, local!.bytes, []]);
  assert.equal(now.paths.at(-1)!.path, `bundles/${local!.id}-crash-1.json`);
  fs.symlinkSync("meta.json", path.join(dir, "link"));
  fs.symlinkSync("nothing", path.join(dir, "dangling"));
  const { unexpected, links, paths } = await look();
  assert.deepEqual(unexpected, [
    { path: "session/dangling", reason: "it is a symbolic link that leads nowhere", code: "LINK_DANGLING" },
  ]);
  assert.deepEqual(links, [{ path: "session/link", text: "meta.json" }]);
  assert.ok(paths.some((own) => own.path === "session/link" && own.isLink && own.found.type === "file"));
});

test("a vault whose key did not come along is a finding", async (t) => {
  const { root, custody, home } = await opened(t);
  const found = (): unknown[] => custody.restored!(home, root).map(({ code, severity }) => [code, severity]);
  assert.deepEqual(found(), []);
  fs.rmSync(path.join(root, "vault.key"));
  assert.deepEqual(found(), [["VAULT_KEY_MISSING", "warn"]]);
});

test("rows that JSON would change come back as the very values they were", async (t) => {
  const { root, opened: of, parts } = await opened(t);
  sql(
    path.join(root, "agh.db"),
    `UPDATE sessions SET name = X'00ff', updated_at = 9223372036854775807 WHERE id = '${parts[0]!.id}'`,
  );
  const { lines } = of.rows([parts[0]!.id]).of.get(parts[0]!.id)!;
  const row = decodeRows(Buffer.from(lines)).rows.find(({ table }) => table === "sessions")!;
  assert.deepEqual(row.values["name"], Buffer.from([0, 255]));
});
