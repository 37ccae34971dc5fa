// npm run bench [P1 P5 …] [--size tiny]: ours against named anchors in one run; exit 1 when a target is missed.
import { parseArgs } from "node:util";
import { agddReadRows, agddVacuumRows } from "./bench/agdd.ts";
import { archiveGetRows, archivePutRows } from "./bench/archive.ts";
import { firstBackupRows, integrityRows, restoreRows, secondBackupRows } from "./bench/backup.ts";
import type { BenchComparison } from "./bench/frame.ts";
import { compare, describe } from "./bench/frame.ts";
import { parquetRows } from "./bench/export.ts";
import { exportRows, searchRows, startRows } from "./bench/inspect.ts";
import { ledgerRows } from "./bench/ledger.ts";
import { liveBackupRows } from "./bench/live.ts";
import type { Size } from "./bench/places.ts";
import { SIZES } from "./bench/places.ts";
import { compactRows, reportRows } from "./bench/vacuum.ts";

// Making a row's homes and asking for its commands waits until it is its turn.
const ROWS: Readonly<Record<string, { readonly room: string; readonly rows: (size?: Size) => BenchComparison[] }>> = {
  P1: { room: "backup", rows: firstBackupRows },
  P2: { room: "backup", rows: secondBackupRows },
  P3: { room: "backup", rows: liveBackupRows },
  P4: { room: "backup", rows: restoreRows },
  P5: { room: "inspect", rows: exportRows },
  P8: { room: "inspect", rows: startRows },
  P9: { room: "backup", rows: integrityRows },
  P10: { room: "ledger", rows: ledgerRows },
  P12: { room: "archive", rows: (size) => [...archivePutRows(size), ...archiveGetRows(size)] },
  P13: { room: "inspect", rows: searchRows },
  P15: { room: "vacuum", rows: (size) => [...compactRows(size), ...reportRows(size)] },
  E1: { room: "archive", rows: parquetRows },
  A1: { room: "agdd", rows: agddReadRows },
  A3: { room: "agdd", rows: agddVacuumRows },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: "string" }, json: { type: "boolean", default: false } },
});
const size = values.size as Size | undefined;
const chosen = Object.entries(ROWS).filter(
  ([name, { room }]) => positionals.length === 0 || positionals.includes(name) || positionals.includes(room),
);

if (chosen.length === 0 || (size !== undefined && !(size in SIZES))) {
  console.error(
    `usage: npm run bench [${Object.keys(ROWS).join("|")}|backup|inspect|ledger|archive|vacuum|agdd …] [--size ${Object.keys(SIZES).join("|")}] [--json]`,
  );
  process.exitCode = 2;
} else {
  for (const [name, { rows }] of chosen) run(name, rows);
}

/** A row whose command is not there yet, or fails, is said and counts as missed. */
function run(name: string, rows: (size?: Size) => BenchComparison[]): void {
  try {
    for (const comparison of rows(size)) {
      const outcome = compare(comparison);
      console.log(values.json ? JSON.stringify(outcome) : describe(outcome));
      if (outcome.verdict === "short") process.exitCode = 1;
    }
  } catch (error) {
    console.log(`${name.padEnd(4)} failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
