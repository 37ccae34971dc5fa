// P5, P8 and P13: export of one huge session, what a short command costs, and a search without an index.
import { execSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { BenchComparison } from "./frame.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** JSON of every column of an event, as sqlite3's own shell makes it. */
const JSON_OBJECT =
  "select json_object('id',id,'sequence',sequence,'turn_id',turn_id,'type',type,'agent_name',agent_name," +
  "'content',content,'timestamp',timestamp) from events order by sequence";

export function exportRows(size: Size = "X"): BenchComparison[] {
  const { home, first } = benchHome(size);
  const database = path.join(home, "sessions", first, "events.db");
  return [
    {
      name: "P5",
      what: `events of ${size} to JSONL`,
      anchor: { name: "sqlite3", command: `sqlite3 '${database}' "${JSON_OBJECT}" >/dev/null`, needs: "sqlite3" },
      ours: { name: "agh-inspect events", command: `${built("inspect")} events --home '${home}' ${first} >/dev/null` },
      target: { text: "≤ 1.0 ×", most: 1 },
    },
  ];
}

export function startRows(size: Size = "S"): BenchComparison[] {
  const { home } = benchHome(size);
  const anchor = { name: "node -e 0", command: `'${process.execPath}' -e 0` };
  const inspect = built("inspect");
  const shared = { name: "P8", anchor, by: "cpu", runs: 21 } as const;
  return [
    {
      ...shared,
      what: "CPU of --help",
      ours: { name: "agh-inspect --help", command: `${inspect} --help >/dev/null` },
      target: { text: "≤ 1.2 ×", most: 1.2 },
    },
    {
      ...shared,
      what: `CPU of sessions on ${size}`,
      ours: { name: "agh-inspect sessions", command: `${inspect} sessions --home '${home}' >/dev/null` },
      target: { text: "≤ 1.35 ×", most: 1.35 },
    },
  ];
}

/** Nothing has the word: all must be looked at. Exit code 1 says so. */
export function searchRows(size: Size = "X"): BenchComparison[] {
  const { home } = benchHome(size);
  const from = scratch("search");
  const lines = path.join(from.path, "events.jsonl");
  const written = (): void => {
    if (fs.existsSync(lines)) return;
    fs.mkdirSync(from.path, { recursive: true });
    execSync(`${built("inspect")} events --all --home '${home}' >'${lines}'`);
  };
  return [
    {
      name: "P13",
      what: `search of ${size} for a rare word`,
      anchor: { name: "grep -i", command: `! grep -i zebrafish '${lines}' >/dev/null`, needs: "grep" },
      ours: {
        name: "agh-inspect search",
        command: `! ${built("inspect")} search zebrafish --home '${home}' >/dev/null 2>&1`,
      },
      target: { text: "≤ 1.2 ×", most: 1.2 },
      before: written,
      after: from.clear,
    },
  ];
}
