// E1: the events of one huge session as Parquet, against DuckDB making the same columns from our JSON Lines.
import { execSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { BenchComparison } from "./frame.ts";
import { evict } from "./measure.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

const COPY = path.join(import.meta.dirname, "duckdb-copy.ts");

export function parquetRows(size: Size = "X"): BenchComparison[] {
  const { home } = benchHome(size);
  const [from, out] = [scratch("parquet-from"), scratch("parquet")];
  const lines = path.join(from.path, "events.jsonl");
  const written = (): void => {
    out.clear();
    if (fs.existsSync(lines)) return;
    fs.mkdirSync(from.path, { recursive: true });
    execSync(`${built("inspect")} events --all --home '${home}' >'${lines}'`);
  };
  return [
    {
      name: "E1",
      what: `${size} as Parquet`,
      anchor: {
        name: "DuckDB COPY of the same columns",
        command: `mkdir -p '${out.path}' && '${process.execPath}' '${COPY}' '${lines}' '${out.path}'`,
      },
      ours: {
        name: "agh-archive export",
        command: `${built("archive")} export --all --as parquet --home '${home}' --to '${out.path}' >/dev/null`,
      },
      target: { text: "≤ 1.5 ×", most: 1.5 },
      before: () => (written(), evict(home, from.path)),
      after: () => (from.clear(), out.clear()),
      runs: 3,
    },
  ];
}
