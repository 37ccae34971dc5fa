// Whether an archive holds the very rows of a session that lie in its runtime's database.
import { hash } from "node:crypto";
import { readArchive, readReceipt } from "../../formats/archive/archive-reader.ts";
import { archiveKey, ROWS } from "../../formats/archive/receipt.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { Archival } from "../../sources/archival.ts";
import type { Home } from "../../sources/source.ts";
import { targetOf } from "../../targets/target.ts";
import { requireText, type RemovalContext } from "../removal-types.ts";
import type { GateResult } from "./gates.ts";

interface RowArchiveQuery {
  readonly home: Home;
  readonly archival: Archival;
  /** A directory or s3://. */
  readonly archive: string;
}

/** By its receipt, and the rows as they are here. */
export async function proveRowsArchived(
  id: string,
  { home, archival, archive }: RowArchiveQuery,
  deps: Deps,
): Promise<GateResult> {
  const target = targetOf(archive);
  try {
    const receipt = await readReceipt(target, id);
    if (!receipt) return { refused: `it is not archived in ${target.url}: agh-archive put ${id} --to ${target.url}` };
    const head = await target.head(archiveKey(id));
    if (head?.size !== receipt.archive!.bytes) {
      return { refused: `its archive in ${target.url} does not match its receipt: agh-archive verify ${id}` };
    }
    const rows = hash("sha256", Buffer.from(archival.readRows(home, id, deps).lines));
    if (receipt.files.find(({ path }) => path === ROWS)?.sha256 !== rows) {
      return { refused: "it was archived in an earlier state: archive it elsewhere" };
    }
    return { proof: { archive: { target: target.url, sha256: receipt.archive!.sha256 } } };
  } catch (error) {
    if (!(error instanceof ToolError) || !error.code.startsWith("E_RECEIPT_")) throw error;
    return { refused: error.message };
  }
}

/** Those whose archive holds the very rows that are here, and whose every byte can be read; the others get a reason. */
export async function filterProven(
  actions: readonly Action[],
  { home, source, deps }: RemovalContext,
  reasons: Map<string, string>,
): Promise<Action[]> {
  const archival = await source.archival!();
  const proven: Action[] = [];
  for (const action of actions) {
    const id = requireText(action, "subject", "session_id");
    const { archive } = action.subject as {
      readonly archive?: { readonly target?: unknown; readonly sha256?: unknown };
    };
    const url = typeof archive?.target === "string" ? archive.target : undefined;
    const reason = url === undefined ? "the plan does not name its archive" : await against(id, url, archive);
    if (reason === undefined) proven.push(action);
    else reasons.set(id, reason);
  }
  return proven;

  async function against(id: string, url: string, expected: { readonly sha256?: unknown } | undefined) {
    const answer = await proveRowsArchived(id, { home, archival, archive: url }, deps);
    return "refused" in answer ? answer.refused : unreadable(url, id, String(expected?.sha256));
  }
}

async function unreadable(url: string, id: string, sha256: string): Promise<string | undefined> {
  const target = targetOf(url);
  try {
    const receipt = (await readReceipt(target, id))!;
    if (receipt.archive!.sha256 !== sha256) return `its archive in ${target.url} is not the one that was planned`;
    await readArchive(target, receipt, () => undefined);
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError) || !/^E_(?:ARCHIVE_|RECEIPT_|HOSTILE_)/.test(error.code)) throw error;
    return `${error.message}: agh-archive verify ${id} --from ${target.url}`;
  }
}
