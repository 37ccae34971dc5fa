// P15: a large database of which more than half is free, compacted; and the report over ten thousand sessions.
import { execFileSync, execSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BenchComparison } from "./frame.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** Of the events, oldest first: so much of the file is free afterwards. */
const FREE = 0.6;

export function compactRows(size: Size = "X"): BenchComparison[] {
  const { home, first } = benchHome(size);
  const [work, full, out] = [scratch("vacuum-home"), scratch("vacuum-full"), scratch("vacuum-out")];
  const database = path.join(work.path, "sessions", first, "events.db");
  return [
    {
      name: "P15",
      what: `compact the events.db of ${size}, ${FREE * 100} % free`,
      anchor: {
        name: "sqlite3 VACUUM INTO + integrity_check",
        command: `sqlite3 '${database}' "VACUUM INTO '${out.path}'" && sqlite3 '${out.path}' 'PRAGMA integrity_check' >/dev/null`,
        needs: "sqlite3",
      },
      ours: {
        name: "agh-vacuum compact --apply",
        command: `${built("vacuum")} compact ${first} --apply --home '${work.path}' >/dev/null`,
      },
      target: { text: "≤ 1.2 ×", most: 1.2 },
      runs: 3,
      before: () => {
        out.clear();
        if (!fs.existsSync(full.path)) makeFull(path.join(home, "sessions", first, "events.db"), full.path);
        if (!fs.existsSync(work.path)) copy(home, work.path);
        copy(full.path, database);
        execSync("sync");
      },
      after: () => [work, full, out].forEach(({ clear }) => clear()),
    },
  ];
}

const copy = (from: string, to: string): void => void execFileSync("cp", ["-a", "--reflink=auto", from, to]);

function makeFull(from: string, to: string): void {
  copy(from, to);
  const db = new DatabaseSync(to);
  db.exec(`DELETE FROM events WHERE sequence <= (SELECT max(sequence) * ${FREE} FROM events)`);
  db.exec("PRAGMA journal_mode = delete");
  db.close();
}

export function reportRows(size: Size = "thousands"): BenchComparison[] {
  const { home } = benchHome(size);
  return [
    {
      name: "P15",
      what: `report over ${size}`,
      anchor: { name: "cat of every meta.json", command: `cat '${home}'/sessions/*/meta.json >/dev/null` },
      ours: { name: "agh-vacuum report", command: `${built("vacuum")} report --home '${home}' >/dev/null` },
      target: { text: "≤ 10 ×", most: 10 },
    },
  ];
}
