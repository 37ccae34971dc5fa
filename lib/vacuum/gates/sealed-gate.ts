// Whether a session's ledger says all that its events.db does, and a seal vouches for it.
import { readSeal, sealPath } from "../../formats/seal/seal-file.ts";
import { findSealFault } from "../../formats/seal/seal-fault.ts";
import { isOwnNote, treeOfLines } from "../../formats/seal/seal.ts";
import { joinPath } from "../../files/os-path.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import { readEvents } from "../../sources/agh/home/databases.ts";
import { LEDGER, META } from "../../sources/agh/home/layout.ts";
import { compareLedger } from "../../sources/agh/ledger/compare-ledger.ts";
import { openLedger } from "../../sources/ledger-file.ts";
import { headLine } from "../../sources/agh/ledger/head-line.ts";
import { readMeta } from "../../sources/agh/sessions/meta.ts";
import { hexOf } from "../../formats/seal/merkle.ts";
import type { LocalSession } from "../local-session.ts";
import type { GateResult, Gate, GateContext } from "./gates.ts";

export const sealedGate = ({ deps }: GateContext): Gate => ({
  check: async (session) => checkSeal(session),
  verify: async (session) => {
    try {
      return verify(session, deps);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
      return { refused: error.message };
    }
  },
});

function checkSeal(session: LocalSession): GateResult {
  const { id, ledgerDir } = session;
  if (ledgerDir === undefined || !session.session.has.ledger)
    return { refused: `it has no ledger: agh-ledger write ${id}` };
  const read = readSeal(sealPath(joinPath(ledgerDir, LEDGER)), id);
  if (read === "none") return { refused: `its ledger is not sealed: agh-ledger seal ${id}` };
  if ("problem" in read) return { refused: `${read.problem}: agh-ledger verify ${id}` };
  if (read.seal.bytes !== session.session.ledger_bytes) {
    return { refused: `its ledger does not match its seal: agh-ledger verify ${id}` };
  }
  return { proof: { seal: { root: hexOf(read.seal.root) } } };
}

/** Verdicts of a ledger that lacks no event. */
const WHOLE: ReadonlySet<string> = new Set(["equal", "ended_at", "purged"]);

function verify(session: LocalSession, deps: Deps): GateResult {
  const answer = checkSeal(session);
  if ("refused" in answer) return answer;
  const { id, dir, partition } = session;
  const ledger = joinPath(session.ledgerDir!, LEDGER);
  const read = readSeal(sealPath(ledger), id);
  if (read === "none" || "problem" in read) return { refused: "its seal is missing" };
  using file = openLedger(ledger);
  const fault = findSealFault(
    read.seal,
    treeOfLines((into) => file.read(into)),
  );
  if (fault) return { refused: `its ledger is ${fault.status} at line ${fault.line}: agh-ledger verify ${id}` };
  if (read.seal.note && !isOwnNote(read.seal))
    return { refused: `the signature is of another ledger: agh-ledger verify ${id}` };
  const metaResult = readMeta(joinPath(dir, META));
  if (!("meta" in metaResult)) return { refused: `its meta.json cannot be read: ${metaResult.problem}` };
  const head = headLine(metaResult.meta, partition ?? "");
  const { verdict } = readEvents(dir, deps, (db) => compareLedger(ledger, db, id, head));
  return WHOLE.has(verdict)
    ? answer
    : { refused: `its ledger does not hold every event (${verdict}): agh-ledger compare ${id}` };
}
