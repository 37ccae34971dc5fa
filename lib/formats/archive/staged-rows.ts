// Rows that a run has staged as JSON Lines, one file after another, with a bound on what is in memory.
import { readFileSync } from "node:fs";
import { createCollector } from "../../files/memory.ts";
import { osPath } from "../../files/os-path.ts";
import { decodeRows, type RowsFile } from "./rows.ts";

/** What a row takes in memory, as against its text. */
const AS_OBJECTS = 32;

/** `files` are absolute. */
export function* readStagedRows(files: readonly string[]): Generator<RowsFile> {
  const made = createCollector();
  for (const file of files) {
    const bytes = readFileSync(osPath(file));
    made(AS_OBJECTS * bytes.length);
    yield decodeRows(bytes);
  }
}
