// Every other finding: how it is made, its severity, what mends it, and that the undo brings the home back.
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RULES } from "../../lib/sources/agh/checks/run-checks.ts";
import { STATE_MATRIX } from "../../lib/sources/agh/checks/state-matrix.ts";
import { editMeta, sql } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { appliedAndUndone, codes, ledgerDir, ofKind, reconcile, findingLines } from "./run-reconcile.ts";

interface DamageCase {
  readonly code: string;
  /** Bends a home of four sessions. */
  readonly damage: (home: string, ids: readonly string[]) => void;
  /** The id of the finding. */
  readonly id?: (home: string, ids: readonly string[]) => string;
  /** What the plan does; nothing unless given. */
  readonly verb?: string;
  readonly level?: "quick" | "full" | "deep";
  readonly live?: number;
  /** Other findings of the same cause. */
  readonly also?: readonly string[];
}

const db = (home: string): string => join(home, "agh.db");
const dir = (home: string, id: string): string => join(home, "sessions", id);
const eventsIn = (home: string, id: string): string => join(dir(home, id), "events.db");
const first = (_: string, [id]: readonly string[]): string => id!;
const catalog = (): string => "agh.db";
const SIDECARS = ["-wal", "-shm"];

const withoutSidecars = (file: string): void => SIDECARS.forEach((suffix) => rmSync(file + suffix, { force: true }));

const withoutProjects = (home: string): void => rmSync(join(home, "../projects"), { recursive: true });

/** Moves the file aside as AGH does, and begins an empty one with its tables. */
function setAside(file: string, tables: readonly string[]): string {
  const aside = `${file}.corrupt.20261121T082209.839678859Z`;
  withoutSidecars(file);
  cpSync(file, aside, { preserveTimestamps: true });
  sql(file, "PRAGMA foreign_keys = OFF", ...tables.map((table) => `DELETE FROM ${table}`));
  chmodSync(file, statSync(aside).mode);
  return aside;
}

const overwritten = (file: string): void => {
  withoutSidecars(file);
  const { size, mode } = statSync(file);
  writeFileSync(file, Buffer.concat([Buffer.alloc(200, 0x5a), Buffer.alloc(size - 200)]), { mode });
};

const CASES: readonly DamageCase[] = [
  { code: "CONFIG_UNPARSABLE", damage: (home) => appendFileSync(join(home, "config.toml"), "[[[") },
  {
    code: "CONFIG_UNKNOWN_KEY",
    damage: (home) => appendFileSync(join(home, "config.toml"), "\n[nonsense]\nkey = 1\n"),
  },
  { code: "MCP_UNPARSABLE", damage: (home) => writeFileSync(join(home, "mcp.json"), "{") },
  {
    code: "MCP_UNKNOWN_FIELD",
    damage: (home) => writeFileSync(join(home, "mcp.json"), `{"mcpServers":{"x":{"command":"y","frob":1}}}`),
  },
  { code: "VAULT_KEY_UNUSABLE", damage: (home) => rmSync(join(home, "vault.key")) },
  { code: "VAULT_KEY_UNUSABLE", damage: (home) => writeFileSync(join(home, "vault.key"), "short\n") },
  { code: "MODE_WIDER", damage: (home) => chmodSync(db(home), 0o644), verb: "chmod" },
  { code: "MODE_WIDER", damage: (home, [id]) => chmodSync(dir(home, id!), 0o777), verb: "chmod" },
  { code: "MODE_WIDER", damage: (home) => chmodSync(home, 0o755), verb: "chmod" },
  {
    code: "TEMP_FILE",
    damage: (home, [id]) => writeFileSync(join(dir(home, id!), ".agh-atomic-123"), "{"),
    verb: "trash",
  },
  { code: "TEMP_FILE", damage: (home) => writeFileSync(join(home, "daemon.json.tmp-9"), "{"), verb: "trash" },
  {
    code: "MIGRATION_UNKNOWN",
    id: catalog,
    damage: (home) => sql(db(home), "INSERT INTO schema_migrations VALUES (43, 'later', 'x', '2026')"),
  },
  { code: "CATALOG_MISSING", id: catalog, damage: (home) => (withoutSidecars(db(home)), rmSync(db(home))) },
  { code: "CATALOG_EMPTY", id: catalog, damage: (home) => (withoutSidecars(db(home)), truncateSync(db(home))) },
  {
    code: "CATALOG_FOREIGN",
    id: catalog,
    damage: (home) => (
      withoutSidecars(db(home)),
      rmSync(db(home)),
      sql(db(home), "CREATE TABLE t(x)"),
      chmodSync(db(home), 0o600)
    ),
  },
  { code: "CATALOG_CORRUPT", id: catalog, damage: (home) => overwritten(db(home)) },
  {
    code: "CATALOG_REPLACED",
    id: catalog,
    damage: (home) => void setAside(db(home), ["sessions", "workspaces"]),
    verb: "put-back",
    also: ["WORKSPACE_MISSING", "SESSION_UNINDEXED"],
  },
  {
    code: "CATALOG_EVIDENCE",
    id: catalog,
    damage: (home) => cpSync(db(home), `${db(home)}.corrupt.20261121T082209.839678859Z`),
  },
  {
    code: "WORKSPACE_MISSING",
    damage: (home) => sql(db(home), "PRAGMA foreign_keys = OFF; DELETE FROM workspaces"),
    verb: "add-workspace",
  },
  { code: "SOUL_MISSING", id: first, damage: (home, [id]) => editMeta(home, id!, { soul_snapshot_id: "soul-1" }) },
  { code: "WORKSPACE_ROOT_MISSING", damage: (home) => withoutProjects(home) },
  {
    code: "ROW_ORPHANED",
    id: first,
    damage: (home, [id]) => sql(db(home), `UPDATE sessions SET state = 'orphaned' WHERE id = '${id}'`),
  },
  { code: "ROW_DIFFERS", id: first, damage: (home, [id]) => editMeta(home, id!, { name: "another" }) },
  {
    code: "BUNDLE_MOVED",
    damage: (home) => sql(db(home), "UPDATE sessions SET crash_bundle_path = '/nowhere/sess-x-process_exit-1.json'"),
    also: ["ROW_DIFFERS"],
  },
  {
    code: "PROCESS_STALE",
    live: 1,
    damage: () => undefined,
    verb: "stale-process",
    also: ["CLAIMS_LIFE", "LEDGER_MISSING"],
  },
  {
    code: "CLAIMS_LIFE",
    live: 1,
    damage: () => undefined,
    verb: "classify",
    also: ["PROCESS_STALE", "LEDGER_MISSING"],
  },
  {
    code: "SESSION_TWICE",
    id: () => "sess-zzz",
    damage: (home, [id]) => cpSync(dir(home, id!), dir(home, "sess-zzz"), { recursive: true }),
  },
  {
    code: "META_SKIPPED",
    id: first,
    damage: (home, [id]) => (editMeta(home, id!, { provider: "" }), withoutProjects(home)),
    also: ["ROW_DIFFERS", "WORKSPACE_ROOT_MISSING"],
  },
  {
    code: "EVENTS_SET_ASIDE",
    id: first,
    damage: (home, [id]) => void setAside(eventsIn(home, id!), ["events"]),
    verb: "put-back",
    also: ["LEDGER_PURGED"],
  },
  { code: "EVENTS_CORRUPT", id: first, damage: (home, [id]) => overwritten(eventsIn(home, id!)) },
  {
    code: "EVENTS_FOREIGN",
    id: first,
    damage: (home, [id]) => (rmSync(eventsIn(home, id!)), sql(eventsIn(home, id!), "CREATE TABLE t(x)")),
  },
  {
    code: "EVENTS_MIGRATION_UNKNOWN",
    id: first,
    damage: (home, [id]) => sql(eventsIn(home, id!), "UPDATE schema_migrations SET checksum = 'x' WHERE version = 2"),
  },
  {
    code: "SEQUENCE_GAP",
    id: first,
    damage: (home, [id]) => sql(eventsIn(home, id!), "DELETE FROM events WHERE sequence IN (1, 3)"),
    also: ["LEDGER_DIFFERS"],
  },
  {
    code: "SEQUENCE_TWICE",
    id: first,
    damage: (home, [id]) =>
      sql(eventsIn(home, id!), "DROP INDEX idx_events_sequence; UPDATE events SET sequence = 2 WHERE sequence = 3"),
    also: ["SEQUENCE_GAP", "LEDGER_DIFFERS"],
  },
  {
    code: "LEDGER_PREFIX",
    id: first,
    damage: (home, [id]) =>
      sql(
        eventsIn(home, id!),
        "INSERT INTO events SELECT 'ev-x', sequence + 1, turn_id, 'error', agent_name, '{}', timestamp FROM events ORDER BY sequence DESC LIMIT 1",
      ),
  },
  {
    code: "LEDGER_ENDED_AT",
    id: first,
    damage: (home, [id]) => editMeta(home, id!, { updated_at: "2026-11-21T08:00:00Z" }),
    also: ["ROW_DIFFERS"],
  },
  { code: "LEDGER_PURGED", id: first, damage: (home, [id]) => sql(eventsIn(home, id!), "DELETE FROM events") },
  {
    code: "LEDGER_DIFFERS",
    id: first,
    damage: (home, [id]) => sql(eventsIn(home, id!), "UPDATE events SET content = '{}' WHERE sequence = 2"),
  },
  {
    code: "LEDGER_UNREADABLE",
    id: first,
    damage: (home, [id]) => {
      const ledger = join(ledgerDir(home, id!), "ledger.jsonl");
      renameSync(ledger, join(home, "elsewhere"));
      symlinkSync(join(home, "elsewhere"), ledger);
    },
  },
  {
    code: "TOTALS_DIFFER",
    id: (_, ids) => ids.at(-1)!,
    damage: (home, ids) => sql(db(home), `UPDATE token_stats SET total_tokens = 1 WHERE session_id = '${ids.at(-1)}'`),
    verb: "recompute-totals",
  },
  {
    code: "BOOT_REFUSED",
    level: "deep",
    damage: (home) => appendFileSync(join(home, "config.toml"), `\n[daemon]\nsocket = "/${"s".repeat(120)}"\n`),
  },
  {
    code: "REFERENCE_DANGLING",
    level: "deep",
    id: () => "session_health → sessions",
    damage: (home, [id]) =>
      sql(db(home), `PRAGMA foreign_keys = OFF; UPDATE session_health SET session_id = 'x' WHERE session_id = '${id}'`),
  },
];

/** What the made homes say anyway. */
const ANYWAY = new Set(["BUNDLE_MOVED"]);

for (const [at, { code, damage, id, verb, level = "full", live = 0, also = [] }] of CASES.entries()) {
  test(`${code} (${at})`, async (t) => {
    const { home, ids } = madeHome(t, { sessions: 4, events: 120, days: 4, live, seed: 5 });
    if (damage.length > 0) {
      const before = codes(await reconcile(["check", "--level", level], home)).filter((one) => !ANYWAY.has(one));
      if (live === 0) assert.deepEqual(before, []);
    }
    damage(home, ids);
    const ran = await reconcile(["check", "--level", level], home);
    const { severity } = RULES.get(code)!;
    const lines = findingLines(ran).filter((line) => line.startsWith(`${severity} ${code} `));
    assert.ok(lines.length > 0, ran.stdout);
    if (id) assert.ok(lines.includes(`${severity} ${code} ${id(home, ids)}`), lines.join());
    const others = codes(ran).filter((one) => one !== code && !ANYWAY.has(one) && !also.includes(one));
    assert.deepEqual(others, [], ran.stdout);
    assert.equal(ran.code, codes(ran).some((one) => ["warn", "error"].includes(RULES.get(one)!.severity)) ? 1 : 0);
    const planned = ofKind(await reconcile(["plan", "--level", level], home), "action").map((action) => action["verb"]);
    if (verb === undefined) return;
    assert.ok(planned.includes(verb), `${planned.join()} lacks ${verb}`);
    await appliedAndUndone(home, async () => {
      assert.ok(!codes(await reconcile(["check", "--level", level], home)).includes(code), "it is mended");
    });
  });
}

test("every code of the table is found by a test, but those a made home cannot have", () => {
  const tested = new Set([...CASES.map(({ code }) => code), ...Object.values(STATE_MATRIX).map(({ code }) => code)]);
  const untested = [...RULES.keys()].filter((code) => !tested.has(code));
  // A sessions that is a file is no home; unreadable files are not unreadable to root; the rest takes a damaged page.
  assert.deepEqual(untested.sort(), [
    "CATALOG_DAMAGED",
    "CATALOG_UNREADABLE",
    "EVENTS_DAMAGED",
    "EVENTS_UNREADABLE",
    "LAYOUT",
    "LEDGER_RAW_STRIPPED",
  ]);
});

test("explain says every code, and the page of the docs has it", async () => {
  const { runHere } = await import("../support/memory.ts");
  const { tool } = await import("../../bin/agh-reconcile.ts");
  const all = await runHere(tool, ["explain"]);
  for (const code of RULES.keys()) {
    const { code: exit, stdout } = await runHere(tool, ["explain", code.toLowerCase()]);
    assert.equal(exit, 0);
    assert.ok(stdout.startsWith(`${code} (`) && stdout.includes("How it arises: ") && all.stdout.includes(code));
  }
  assert.equal((await runHere(tool, ["explain", "WORKSPACE_MISING"])).code, 2);
  assert.ok(existsSync(new URL("../../docs/findings.md", import.meta.url)));
});

test("quick looks into no events.db", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, days: 2 });
  overwritten(eventsIn(home, ids[0]!));
  const quick = await reconcile(["check", "--level", "quick"], home);
  assert.deepEqual(
    codes(quick).filter((code) => !ANYWAY.has(code)),
    [],
  );
  assert.ok(codes(await reconcile(["check"], home)).includes("EVENTS_CORRUPT"));
});

test("--code, --session and --fail-on choose", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, days: 2 });
  editMeta(home, ids[0]!, { name: "one" });
  editMeta(home, ids[1]!, { name: "two" });
  chmodSync(db(home), 0o644);
  const prefix = ids[0]!.slice(5, 13);
  const chosen = await reconcile(["check", "--session", prefix], home);
  assert.deepEqual([chosen.code, findingLines(chosen)], [0, [`info ROW_DIFFERS ${ids[0]}`]]);
  assert.equal((await reconcile(["check", "--session", prefix, "--fail-on", "info"], home)).code, 1);
  const coded = await reconcile(["check", "--code", "mode_wider,BUNDLE_MOVED"], home);
  assert.deepEqual([coded.code, codes(coded)], [1, ["MODE_WIDER"]]);
  assert.equal((await reconcile(["check", "--fail-on", "error"], home)).code, 0);
  assert.equal((await reconcile(["check", "--code", "NONSENSE"], home)).code, 2);
});
