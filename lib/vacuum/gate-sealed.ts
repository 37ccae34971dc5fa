// Whether a session's ledger says all that its events.db does, and a seal vouches for it.
import { readSeal, sealPath } from "../formats/seal-file.ts";
import { faultBetween } from "../formats/seal-fault.ts";
import { isOwnNote, treeOfLines } from "../formats/seal.ts";
import { joinPath } from "../files/os-path.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import { readEvents } from "../sources/agh/databases.ts";
import { LEDGER, META } from "../sources/agh/layout.ts";
import { compareLedger } from "../sources/agh/ledger-compare.ts";
import { openLedger } from "../sources/ledger-file.ts";
import { headLine } from "../sources/agh/ledger-head.ts";
import { readMeta } from "../sources/agh/meta.ts";
import { hexOf } from "../formats/merkle.ts";
import type { AtHand } from "./at-hand.ts";
import type { Answer, Gate, GateWorld } from "./gates.ts";

export const sealedGate = ({ deps }: GateWorld): Gate => ({
  look: async (session) => look(session),
  verify: async (session) => {
    try {
      return verify(session, deps);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
      return { refused: error.message };
    }
  },
});

function look(session: AtHand): Answer {
  const { id, ledgerDir } = session;
  if (ledgerDir === undefined || !session.session.has.ledger)
    return { refused: `it has no ledger: agh-ledger write ${id}` };
  const read = readSeal(sealPath(joinPath(ledgerDir, LEDGER)), id);
  if (read === "none") return { refused: `its ledger is not sealed: agh-ledger seal ${id}` };
  if ("trouble" in read) return { refused: `${read.trouble}: agh-ledger verify ${id}` };
  if (read.seal.bytes !== session.session.ledger_bytes) {
    return { refused: `its ledger is not what was sealed: agh-ledger verify ${id}` };
  }
  return { proof: { seal: { root: hexOf(read.seal.root) } } };
}

/** Verdicts of a ledger that lacks no event. */
const WHOLE: ReadonlySet<string> = new Set(["equal", "ended_at", "purged"]);

function verify(session: AtHand, deps: Deps): Answer {
  const answer = look(session);
  if ("refused" in answer) return answer;
  const { id, dir, partition } = session;
  const ledger = joinPath(session.ledgerDir!, LEDGER);
  const read = readSeal(sealPath(ledger), id);
  if (read === "none" || "trouble" in read) return { refused: "its seal has gone" };
  using file = openLedger(ledger);
  const fault = faultBetween(
    read.seal,
    treeOfLines((into) => file.read(into)),
  );
  if (fault) return { refused: `its ledger is ${fault.status} at line ${fault.line}: agh-ledger verify ${id}` };
  if (read.seal.note && !isOwnNote(read.seal))
    return { refused: `what was signed is another ledger: agh-ledger verify ${id}` };
  const told = readMeta(joinPath(dir, META));
  if (!("meta" in told)) return { refused: `its meta.json cannot be read: ${told.trouble}` };
  const head = headLine(told.meta, partition ?? "");
  const { verdict } = readEvents(dir, deps, (db) => compareLedger(ledger, db, id, head));
  return WHOLE.has(verdict)
    ? answer
    : { refused: `its ledger does not say all (${verdict}): agh-ledger compare ${id}` };
}
