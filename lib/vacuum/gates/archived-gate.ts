// Whether an archive holds a session as it lies here: by its receipt, and (to be sure) by every byte of both.
import { hash } from "node:crypto";
import { readArchive, readReceipt } from "../../formats/archive/archive-reader.ts";
import { allFiles, PARTS, ROWS, storedFiles, type Receipt } from "../../formats/archive/receipt.ts";
import { hashFile } from "../../files/hash-file.ts";
import { changesSince } from "../../custody/receipt-changes.ts";
import { ToolError } from "../../records/error.ts";
import type { HomeCustody, LocalSession } from "../../sources/custody.ts";
import { movablePaths, movableTrees } from "../../sources/own-trees.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import type { Gate, GateContext, GateProof, GateResult } from "./gates.ts";

const NO_TARGET = { refused: "no archive target was given: --archive TARGET" };
const NO_ARCHIVE = { refused: "the plan does not name its archive" };

export async function archivedGate({ archive, custody, source }: GateContext): Promise<Gate> {
  if (archive === undefined) return { check: async () => NO_TARGET, verify: async () => NO_ARCHIVE };
  const target = targetOf(archive);
  const database = (await source.upkeep?.())?.databases?.part;
  const query = { custody, target, database };
  return {
    check: (session) => checkArchive(session, { ...query, thorough: false }),
    verify: (session, { archive: planned }) => checkArchive(session, { ...query, thorough: true, planned }),
  };
}

interface ArchiveQuery {
  readonly custody: HomeCustody;
  readonly target: Target;
  /** In an archive, the database that may be rewritten while its events stay the same. */
  readonly database: string | undefined;
  readonly thorough: boolean;
  /** The archive that a plan names. */
  readonly planned?: GateProof["archive"];
}

/** What is wrong with an archive is a reason; a target that cannot be read at all is an error. */
async function checkArchive(local: LocalSession, query: ArchiveQuery): Promise<GateResult> {
  const { id } = local;
  const { url } = query.target;
  try {
    const receipt = await readReceipt(query.target, id);
    const refused = receipt ? await reasonAgainst(receipt, local, query) : notArchived(local, url);
    if (refused !== undefined) return { refused };
    return {
      proof: { archive: { target: url, sha256: receipt!.archive!.sha256 } },
      lacks: lackedPaths(receipt!, local),
    };
  } catch (error) {
    if (!(error instanceof ToolError) || !/^E_(?:ARCHIVE_|RECEIPT_|HOSTILE_)/.test(error.code)) throw error;
    return { refused: `${error.message}: agh-archive verify ${id} --from ${url}` };
  }
}

const notArchived = (local: LocalSession, url: string): string =>
  `it is not archived${hasRows(local) ? ` in ${url}` : ""}: agh-archive put ${local.id} --to ${url}`;

async function reasonAgainst(receipt: Receipt, local: LocalSession, query: ArchiveQuery): Promise<string | undefined> {
  const { target, planned, thorough } = query;
  for (const { key, bytes } of storedFiles(receipt)) {
    const head = await target.head(key);
    if (head?.size === bytes) continue;
    const what = head ? "does not match its receipt" : "is missing";
    return `its archive in ${target.url} ${what}: agh-archive verify ${local.id} --from ${target.url}`;
  }
  const changed = await lostPaths(receipt, local, query);
  if (changed.length > 0) {
    const which = changed.join(", ");
    return `it was archived in an earlier state (${which} changed since): run agh-archive put, or archive it elsewhere`;
  }
  if (!holdsRows(receipt, local, query.custody)) return "it was archived in an earlier state: archive it elsewhere";
  if (planned && planned.sha256 !== receipt.archive!.sha256) {
    return `its archive in ${target.url} is not the one that was planned`;
  }
  if (thorough) await readArchive(target, receipt, () => undefined);
  return undefined;
}

const hasRows = ({ rows }: LocalSession): boolean => Object.keys(rows).length > 0;

function holdsRows({ files }: Receipt, local: LocalSession, custody: HomeCustody): boolean {
  if (!hasRows(local)) return true;
  const rows = custody.rows([local.id]).of.get(local.id);
  if (rows === undefined) return false;
  return files.find(({ path }) => path === ROWS)?.sha256 === hash("sha256", Buffer.from(rows.lines));
}

/** A database that was compacted since holds the same events; one that was purged since holds them in its ledger. */
async function lostPaths(receipt: Receipt, local: LocalSession, query: ArchiveQuery): Promise<readonly string[]> {
  const { custody, database } = query;
  const changed = changedPaths(receipt, local, query);
  const others = changed.filter((path) => path !== database && !path.startsWith(`${database}-`));
  if (changed.length === 0 || others.length > 0) return changed;
  return local.paths.some(({ path }) => path === database) && (await holdsEvents(receipt, local, custody))
    ? []
    : changed;
}

/** Of a session that goes with its rows only what goes with them is compared: its ledger stays. */
function changedPaths(receipt: Receipt, local: LocalSession, { custody, thorough }: ArchiveQuery): string[] {
  const parts = movableTrees(local).map(({ part }) => `${part}/`);
  const isCompared = ({ path }: { readonly path: string }): boolean =>
    !hasRows(local) || parts.some((part) => path.startsWith(part));
  const files = allFiles(receipt).filter(isCompared);
  const { added, changed } = changesSince({ files }, { paths: local.paths.filter(isCompared) }, { custody, thorough });
  return [...changed, ...added.map(({ path }) => path)].sort();
}

/** Of what no archive takes: all but what an older one holds as it is. */
function lackedPaths(receipt: Receipt, local: LocalSession): string[] {
  const archived = new Map(allFiles(receipt).map(({ path, sha256 }) => [path, sha256]));
  return movablePaths(local).flatMap(({ path, from, excluded }) => {
    if (excluded === undefined) return [];
    const sha256 = archived.get(path);
    return sha256 !== undefined && sha256 === hashFile(from) ? [] : [path];
  });
}

async function holdsEvents(receipt: Receipt, local: LocalSession, custody: HomeCustody): Promise<boolean> {
  const { events } = receipt;
  if (!events) return false;
  const found = await custody.events(local);
  if (found.damaged !== undefined) return false; // not what was archived
  if (!found.events?.count) return allFiles(receipt).some(({ path }) => path === `${PARTS.ledger}/ledger.jsonl`);
  return found.events.count === events.count && found.events.sha256 === events.sha256;
}
