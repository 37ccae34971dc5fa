// Reads archives whole and holds every byte and every event against the receipt.
import { receiptBytes, storedFiles } from "../formats/archive/receipt.ts";
import { ulid } from "../formats/ulid.ts";
import { mapInOrder } from "../policy/concurrency.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Finding } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { hasSelectors } from "../sources/selection.ts";
import { RUNTIMES } from "../sources/runtimes.ts";
import type { Target } from "../targets/target.ts";
import { lacksReceipt } from "../places/manual-archives.ts";
import { ArchivePool } from "./archive-pool.ts";
import { listArchives, type ArchiveEntry, type ArchiveSelection } from "./list-archives.ts";
import { archiveRecord, manualArchiveRecord } from "./records.ts";

/** Yields the `archive` of each that is sound, a `finding` for each that is not (1), and a `summary`. */
export async function* verifyArchives(selections: readonly ArchiveSelection[], deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive verify", deps, ulid(deps.now()));
  for (const one of selections) {
    const { target, entries } = await listArchives(one, deps);
    if (entries.length === 0 && one.all && !hasSelectors(one.filter ?? {})) yield noArchives(target, tally);
    await using pool = new ArchivePool(bytesIn(entries), deps);
    let done = 0;
    for await (const record of mapInOrder(entries, pool.concurrency, (it) =>
      verify(target, it, { pool, tally, deps }),
    )) {
      yield record;
      deps.progress.update({ label: "archives verified", done: ++done, total: entries.length, unit: "items" });
    }
  }
  yield tally.summary();
}

/** Nothing was proven of what should be there: a target that is not mounted looks like this. */
function noArchives(target: Target, tally: Tally): Finding {
  tally.failed(EXIT.found);
  return {
    kind: "finding",
    runtime: RUNTIMES[0]!.runtime,
    home: `archive:${target.url}`,
    code: "NO_ARCHIVES",
    severity: "error",
    message: `${target.url} holds no archives: nothing was verified`,
    evidence: { target: target.url },
  };
}

const bytesIn = (entries: readonly ArchiveEntry[]): number =>
  entries.reduce((sum, it) => sum + ("receipt" in it ? receiptBytes(it.receipt) : 0), 0);

interface Check {
  readonly pool: ArchivePool;
  readonly tally: Tally;
  readonly deps: Deps;
}

async function verify(target: Target, entry: ArchiveEntry, { pool, tally, deps }: Check): Promise<AnyRecord> {
  deps.signal.throwIfAborted();
  if ("error" in entry) return fault(target, entry, entry.error, tally);
  if ("manual" in entry) {
    tally.done();
    return entry.manual.form === "tar" && lacksReceipt(entry.manual)
      ? unfinished(target, entry.manual)
      : manualArchiveRecord(target, entry.manual);
  }
  try {
    await pool.compare(target, entry.receipt);
    tally.done(storedFiles(entry.receipt).reduce((sum, { bytes }) => sum + bytes, 0));
    return archiveRecord(target.url, entry.receipt);
  } catch (error) {
    if (!(error instanceof ToolError) || !OF_THE_ARCHIVE.test(error.code)) throw error;
    return fault(target, { ...entry.receipt, id: entry.id }, error, tally);
  }
}

/** What is wrong with the archive, as against a network or a disk. */
const OF_THE_ARCHIVE = /^E_(?:ARCHIVE_|HOSTILE_|CORRUPT|NOT_A_DATABASE|EMPTY_DATABASE|NO_DATABASE|FOREIGN_DATABASE)/;

/** The session, and its runtime where a receipt tells it. */
interface Subject {
  readonly id: string;
  readonly runtime?: string;
}

function fault(target: Target, subject: Subject, { code, message }: ToolError, tally: Tally): Finding {
  tally.failed(EXIT.found);
  return finding(target, subject, { code: code.replace(/^E_/, ""), severity: "error", message });
}

const unfinished = (target: Target, subject: Subject): Finding =>
  finding(target, subject, {
    code: "RECEIPT_MISSING",
    severity: "warn",
    message: `${subject.id} has no receipt in ${target.url}: put was killed, or the archive was moved here; run agh-archive put again`,
  });

const finding = (
  target: Target,
  { id, runtime = RUNTIMES[0]!.runtime }: Subject,
  rest: Pick<Finding, "code" | "severity" | "message">,
): Finding => ({
  kind: "finding",
  runtime,
  home: `archive:${target.url}`,
  id,
  ...rest,
  evidence: { target: target.url },
});
