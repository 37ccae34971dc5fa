// Whether an archive holds a session as it lies here: by its receipt, and (to be sure) by every byte of both.
import { readArchive, readReceipt } from "../../formats/archive/archive-reader.ts";
import { archiveKey, PARTS, type Receipt } from "../../formats/archive/receipt.ts";
import { pathsChangedSince } from "../../places/receipt-changes.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { readEvents } from "../../sources/agh/home/databases.ts";
import { digestEvents } from "../../sources/agh/events/event-digest.ts";
import { EVENTS, LEDGER } from "../../sources/agh/home/layout.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import type { LocalSession } from "../local-session.ts";
import type { GateResult, Gate, GateContext } from "./gates.ts";

export const archivedGate = ({ archive, deps }: GateContext): Gate => {
  const target = targetOf(archive);
  return {
    check: (session) =>
      refuseOnArchiveError(session, target, () => checkArchive(session, { target, thorough: false }, deps)),
    verify: (session, proof) =>
      refuseOnArchiveError(session, target, async () => {
        const there = targetOf(proof.archive?.target ?? archive);
        const answer = await checkArchive(session, { target: there, thorough: true }, deps);
        if ("refused" in answer) return answer;
        if (proof.archive && proof.archive.sha256 !== answer.proof.archive!.sha256) {
          return { refused: `its archive in ${there.url} is not the one that was planned` };
        }
        return answer;
      }),
  };
};

/** What is wrong with an archive is a reason; a target that cannot be asked is trouble. */
async function refuseOnArchiveError(
  { id }: LocalSession,
  target: Target,
  check: () => Promise<GateResult>,
): Promise<GateResult> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof ToolError) || !/^E_(?:ARCHIVE_|RECEIPT_|HOSTILE_)/.test(error.code)) throw error;
    return { refused: `${error.message}: agh-archive verify ${id} --from ${target.url}` };
  }
}

interface ArchiveQuery {
  readonly target: Target;
  readonly thorough: boolean;
}

async function checkArchive(
  session: LocalSession,
  { target, thorough }: ArchiveQuery,
  deps: Deps,
): Promise<GateResult> {
  const { id } = session;
  const receipt = await readReceipt(target, id);
  if (!receipt) return { refused: `it is not archived: agh-archive put ${id} --to ${target.url}` };
  const head = await target.head(archiveKey(id));
  if (head?.size !== receipt.archive!.bytes) {
    const what = head ? "does not match its receipt" : "is missing";
    return { refused: `its archive in ${target.url} ${what}: agh-archive verify ${id} --from ${target.url}` };
  }
  const changed = lostPaths(pathsChangedSince(receipt, session.files, thorough), receipt, session, deps);
  if (changed.length > 0) {
    return {
      refused: `it was archived in an earlier state (${changed.join(", ")} changed since): archive it elsewhere`,
    };
  }
  if (thorough) await readArchive(target, receipt, () => undefined);
  return { proof: { archive: { target: target.url, sha256: receipt.archive!.sha256 } } };
}

const DATABASE = `${PARTS.session}/${EVENTS}`;

/** A database that was compacted since holds the same events; one that was purged since holds them in its ledger. */
function lostPaths(changed: readonly string[], receipt: Receipt, session: LocalSession, deps: Deps): readonly string[] {
  const others = changed.filter((path) => path !== DATABASE && !path.startsWith(`${DATABASE}-`));
  return others.length === 0 && changed.length > 0 && holdsEvents(receipt, session, deps) ? [] : changed;
}

function holdsEvents({ events, files }: Receipt, { dir }: LocalSession, deps: Deps): boolean {
  if (!events) return false;
  try {
    const { count, sha256 } = readEvents(dir, deps, digestEvents);
    if (count === 0) return files.some(({ path }) => path === `${PARTS.ledger}/${LEDGER}`);
    return count === events.count && sha256 === events.sha256;
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return false; // damaged: not what was archived
    throw error;
  }
}
