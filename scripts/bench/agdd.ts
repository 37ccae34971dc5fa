// AGDD: listing, searching and removing runs against a Python process with sqlite3 that does the same.
import fs from "node:fs";
import path from "node:path";
import { makeAgdd } from "../make-agdd.ts";
import type { BenchComparison, Contender } from "./frame.ts";
import { BENCH_CACHE, built, scratch, type Size } from "./places.ts";

const SIZES: { readonly [size in Size]?: { readonly runs: number; readonly events: number } } = {
  tiny: { runs: 100, events: 20 },
  M: { runs: 10_000, events: 50 },
};

const NOW = "2026-11-21T12:00:00Z";

/** A project, made once; a name is taken only by one that was finished. */
function benchProject(size: Size): { readonly root: string; readonly storage: string; readonly runs: number } {
  const options = SIZES[size];
  if (!options) throw new Error(`an AGDD project of size ${size} does not exist: ${Object.keys(SIZES).join(", ")}`);
  const root = path.join(BENCH_CACHE, `agdd-${size}`);
  if (!fs.existsSync(root)) {
    const unfinished = `${root}.making-${process.pid}`;
    makeAgdd(unfinished, options);
    fs.renameSync(unfinished, root);
  }
  return { root, storage: path.join(root, ".agdd/storage.db"), runs: options.runs };
}

const python = (name: string, script: string, ...argv: readonly string[]): Contender => ({
  name,
  command: `python3 -c '${script}' ${argv.map((word) => `'${word}'`).join(" ")} >/dev/null`,
  needs: "python3",
});

const OPEN = `
import json, sqlite3, sys
db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
db.row_factory = sqlite3.Row
`;

const LIST = `${OPEN}
for row in db.execute("SELECT * FROM runs ORDER BY started_at DESC"):
    run = dict(row)
    run["metrics"] = json.loads(run["metrics"])
    run["tags"] = json.loads(run["tags"])
    print(json.dumps(run))
`;

const SEARCH = `${OPEN}
like = "%" + sys.argv[2] + "%"
query = "SELECT * FROM events WHERE msg LIKE ? OR payload LIKE ? ORDER BY ts DESC LIMIT 100"
for row in db.execute(query, (like, like)):
    print(json.dumps(dict(row)))
`;

/** Without the faulty triggers, which would cost far more. */
const VACUUM = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA foreign_keys=ON")
db.execute("BEGIN IMMEDIATE")
triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = \\"trigger\\"").fetchall()
for name, sql in triggers:
    db.execute("DROP TRIGGER " + name)
db.execute("DELETE FROM events WHERE run_id IN (SELECT run_id FROM runs WHERE started_at < ?)", (sys.argv[2],))
db.execute("DELETE FROM runs WHERE started_at < ?", (sys.argv[2],))
db.execute("INSERT INTO events_fts(events_fts) VALUES (\\"rebuild\\")")
for name, sql in triggers:
    db.execute(sql)
db.execute("COMMIT")
db.close()
`;

const FIFTH = { text: "≤ 0.2 ×", most: 0.2 } as const;

export function agddReadRows(size: Size = "M"): BenchComparison[] {
  const { root, storage } = benchProject(size);
  const inspect = built("inspect");
  return [
    {
      name: "A1",
      what: `list of all runs of ${size}`,
      anchor: python("python sqlite3", LIST, storage),
      ours: {
        name: "agh-inspect sessions",
        command: `${inspect} sessions --home '${root}' --sort=-created >/dev/null`,
      },
      target: FIFTH,
      by: "cpu",
    },
    {
      name: "A2",
      what: `search of a rare word in ${size}`,
      anchor: python("python sqlite3", SEARCH, storage, "needle"),
      ours: { name: "agh-inspect search", command: `${inspect} search needle --home '${root}' --limit 100 >/dev/null` },
      target: FIFTH,
      by: "cpu",
    },
  ];
}

export function agddVacuumRows(size: Size = "M"): BenchComparison[] {
  const { storage, runs } = benchProject(size);
  const place = scratch("agdd-vacuum");
  const copy = path.join(place.path, ".agdd/storage.db");
  const days = Math.round(runs / 48); // a run an hour: half of them go
  const cutoff = new Date(Date.parse("2026-11-21") - days * 86_400_000).toISOString().slice(0, 19);
  const vacuum = `${built("vacuum")} runs --home '${place.path}' --hot-days ${days} --now ${NOW} --apply`;
  const shared = {
    name: "A3",
    anchor: python("python sqlite3", VACUUM, copy, cutoff),
    target: { text: "≤ 1.5 ×", most: 1.5 },
    before: () => {
      place.clear();
      fs.mkdirSync(path.dirname(copy), { recursive: true });
      fs.copyFileSync(storage, copy);
    },
    after: place.clear,
  } as const;
  return [
    {
      ...shared,
      what: `removing half the runs of ${size} for good`,
      ours: { name: "agh-vacuum runs --for-good", command: `${vacuum} --for-good >/dev/null` },
    },
    {
      ...shared,
      what: `removing half the runs of ${size}, rows to the trash`,
      ours: { name: "agh-vacuum runs", command: `${vacuum} >/dev/null` },
    },
  ];
}
