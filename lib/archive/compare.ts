// Whether an archive, read from where it lies, holds the events that its receipt counts.
import { loadCustody } from "../custody/open-custody.ts";
import { ArchiveParts } from "../custody/archive-parts.ts";
import { damagedArchive } from "../files/tar-read.ts";
import type { Scratch } from "../files/scratch.ts";
import type { OnBuffer } from "../formats/archive/archive-reader.ts";
import { ROWS, type Receipt } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import type { Target } from "../targets/target.ts";

/** `made` hears of the buffers that are left behind. */
export interface CompareContext {
  readonly signal: AbortSignal;
  readonly made: OnBuffer;
}

/** Reads every byte and counts every event again. Throws as readArchive does when something differs. */
export async function compareArchive(
  target: Target,
  receipt: Receipt,
  scratch: Scratch,
  context: CompareContext,
): Promise<void> {
  const parts = new ComparedParts(target, receipt, { scratch, ...context });
  // Events that could not be read are there as they lay: there is nothing to count.
  if (receipt.damaged === undefined) {
    const { events } = await (await loadCustody(receipt.runtime)).events(parts, context.made);
    if (JSON.stringify(events) !== JSON.stringify(receipt.events)) throw differs(parts.label, receipt, events);
  }
  if (!parts.isRead) await parts.read();
}

const differs = (label: string, { events: expected }: Receipt, found: Receipt["events"]): Error =>
  damagedArchive(
    label,
    `it holds ${found?.count ?? 0} events that do not match the ${expected?.count ?? 0} of its receipt`,
  );

/** Knows whether every byte was read, and compares the rows, where they are read, with the receipt. */
class ComparedParts extends ArchiveParts {
  readonly #receipt: Receipt;
  isRead = false;

  constructor(...of: ConstructorParameters<typeof ArchiveParts>) {
    super(...of);
    this.#receipt = of[1];
  }

  override async rows(): Promise<RowsFile> {
    const rows = decodeComparedRows(await this.content(ROWS), this.label);
    const counts = new Map<string, number>();
    for (const { table } of rows.rows) counts.set(table, (counts.get(table) ?? 0) + 1);
    const isSame = Object.entries(this.#receipt.rows).every(([table, count]) => (counts.get(table) ?? 0) === count);
    if (!isSame) throw damagedArchive(this.label, "its rows do not match its receipt");
    return rows;
  }

  override async read(...of: Parameters<ArchiveParts["read"]>): Promise<void> {
    await super.read(...of);
    this.isRead = true;
  }

  override async extract(...of: Parameters<ArchiveParts["extract"]>): Promise<void> {
    await super.extract(...of);
    this.isRead = true;
  }
}

function decodeComparedRows(bytes: Buffer, label: string): RowsFile {
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw damagedArchive(label, `it holds invalid rows (${(error as Error).message})`);
  }
}
