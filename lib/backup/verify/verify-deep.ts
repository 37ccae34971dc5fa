// Opens the databases of snapshots: each content once, in scratch, checked for what SQLite and the runtime expect of it.
import { existsSync, rmSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { scratchDir } from "../../files/scratch.ts";
import { destinationOf, extract } from "../../formats/repository/extract.ts";
import { snapshotKey } from "../../formats/repository/layout.ts";
import { chunksNeeded, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { findDatabaseFault, hasDatabaseHeader } from "../../sources/deep-checks.ts";
import { RUNTIMES } from "../../sources/runtimes.ts";
import { checkDatabase } from "./check-database.ts";

/** What was looked at already: snapshots share most of their databases. */
export type SeenDatabases = Set<string>;

interface DeepOptions {
  readonly seen: SeenDatabases;
  /** Whose turn it is, by a digest. */
  readonly isTurn: (digest: string) => boolean;
}

/** One finding per fault, named by the snapshot and the path. A listing that cannot be read is a finding already. */
export async function* verifyDeep(
  repo: Repository,
  manifest: Manifest,
  { seen, isTurn }: DeepOptions,
  deps: Deps,
): AsyncGenerator<Finding> {
  using scratch = scratchDir(deps.env);
  const dir = scratch.fresh();
  const selected = new Map<string, ListingLine>();
  const only = (line: ListingLine): boolean => {
    if (!line.database && !(line.type === "file" && DATABASE_NAME.test(line.path))) return false;
    const chunks = chunksNeeded(line).join(" ");
    if (seen.has(chunks) || !isTurn(line.sha256 ?? "0")) return false;
    seen.add(chunks);
    selected.set(nameOf(line), line);
    return true;
  };
  try {
    const { faults } = await extract({ repo, manifest, dir, only }, deps);
    for (const { path, code, message } of faults) {
      yield finding(manifest, `home/${path.slice(dir.length + 1)}`, { code, message, evidence: {} });
    }
  } catch (error) {
    if (!(error instanceof ToolError) || !DAMAGE.has(error.code)) throw error;
    return;
  }
  // Of a runtime that is not known here a database is looked at as any other.
  const source = await RUNTIMES.find(({ runtime }) => runtime === manifest.runtime)?.load();
  const check = await source?.databaseCheck?.();
  for (const [path, line] of selected) {
    deps.signal.throwIfAborted();
    const file = destinationOf(dir, line);
    if (!existsSync(osPath(file))) continue;
    const of = source?.classify(line.root, line.path, "file").database;
    const lastSequence = line.database?.last_sequence;
    const faults = of
      ? checkDatabase({ file, name: line.path, of, check, lastSequence, scratch })
      : hasDatabaseHeader(file)
        ? [findDatabaseFault(file, path, scratch)]
        : [];
    for (const fault of faults)
      if (fault && fault.code !== "OTHER_DATABASE_UNCHECKED") yield finding(manifest, path, fault);
    rmSync(osPath(file), { force: true });
  }
}

/** Faults that are findings already. */
const DAMAGE: ReadonlySet<string> = new Set([
  "E_CHUNK_DAMAGED",
  "E_CHUNK_MISSING",
  "E_HOSTILE_PATH",
  "E_LISTING_DAMAGED",
]);
/** Databases that a listing does not call so. */
const DATABASE_NAME = /\.(?:db|sqlite3?)$/;

const nameOf = ({ root, path }: ListingLine): string => `${root}/${path}`;

const finding = (
  { id, runtime }: Manifest,
  path: string,
  { code, message, evidence }: Pick<Finding, "code" | "message" | "evidence">,
): Finding => ({
  kind: "finding",
  runtime,
  id: `${snapshotKey(id)}:${path}`,
  code,
  severity: "error",
  message: `${id}: ${message}`,
  evidence,
});
