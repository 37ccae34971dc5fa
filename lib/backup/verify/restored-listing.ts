// Whether every path of a listing was restored as it was: there, as long, and of a session up to its last event.
import { lstatSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { readLastSequence } from "../../formats/repository/extract-file.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import type { Deps } from "../../records/deps.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { DatabaseFault } from "../../sources/database-check.ts";
import type { Home } from "../../sources/source.ts";
import type { DrilledSnapshot } from "./drill-snapshot.ts";
import { findingOf } from "./restored-home.ts";

interface RestoredListing {
  readonly home: Home;
  readonly fileOf: (line: ListingLine) => string;
  /** Paths of which it is known that they could not be restored. */
  readonly known: ReadonlySet<string>;
}

export async function* testListing(
  { repo, manifest, counts }: DrilledSnapshot,
  { home, fileOf, known }: RestoredListing,
  deps: Deps,
): AsyncGenerator<Finding> {
  counts["databases"] = 0;
  for await (const line of readListing(repo, manifest)) {
    deps.signal.throwIfAborted();
    const file = fileOf(line);
    if (known.has(file)) continue;
    if (line.database) counts["databases"]++;
    const fault = findPathFault(file, line) ?? (line.database && (await findSequenceFault(file, line)));
    if (fault) yield findingOf(home, nameOf(line), fault);
  }
}

function findPathFault(file: string, line: ListingLine): DatabaseFault | undefined {
  const stat = lstatSync(osPath(file), { throwIfNoEntry: false });
  const isThere = line.type === "directory" ? stat?.isDirectory() : stat?.isFile();
  if (!isThere) return lost("FILE_MISSING", `${nameOf(line)} was not restored`, {});
  // A WAL that was taken in makes a database longer.
  if (line.type === "directory" || line.database?.wal || stat!.size === (line.size ?? 0)) return undefined;
  const evidence = { expected: line.size ?? 0, found: stat!.size };
  return lost("SIZE_DIFFERS", `${nameOf(line)} has ${stat!.size} bytes, not ${line.size ?? 0}`, evidence);
}

async function findSequenceFault(file: string, line: ListingLine): Promise<DatabaseFault | undefined> {
  const { last_sequence: expected } = line.database!;
  if (typeof expected !== "number") return undefined;
  const found = await readLastSequence(file);
  if (found === expected) return undefined;
  const message = `${nameOf(line)}: its last event is ${found ?? "unreadable"}; it was ${expected} when it was backed up`;
  return lost("SEQUENCE_DIFFERS", message, { expected, found: found ?? null });
}

const lost = (code: string, message: string, evidence: object): DatabaseFault => ({
  code,
  severity: "error",
  message,
  evidence,
});

const nameOf = ({ root, path }: ListingLine): string => (root === "home" ? path || "." : `${root}/${path}`);
