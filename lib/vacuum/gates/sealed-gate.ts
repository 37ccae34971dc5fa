// Whether a session's ledger says all that its events do, and a seal vouches for it.
import { hexOf } from "../../formats/seal/merkle.ts";
import { findSealFault } from "../../formats/seal/seal-fault.ts";
import { readSeal, sealPath } from "../../formats/seal/seal-file.ts";
import { isOwnNote, treeOfLines } from "../../formats/seal/seal.ts";
import { withoutProblems } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { LocalSession } from "../../sources/custody.ts";
import { openLedger } from "../../sources/ledger-file.ts";
import type { SessionLedger } from "../../sources/ledgers.ts";
import type { Gate, GateContext, GateResult } from "./gates.ts";

export function sealedGate(context: GateContext): Gate {
  let histories: Promise<ReadonlyMap<string, string | undefined>> | undefined;
  const compared = (id: string) => (histories ??= compareHistories(context.ids ?? [id], context));
  return {
    check: async (local) => checkSeal(local),
    verify: async (local) => {
      const answer = attempt(() => verifySeal(local));
      if ("refused" in answer) return answer;
      const reasons = await compared(local.id);
      const refused = reasons.has(local.id) ? reasons.get(local.id) : "its events cannot be found any more";
      return refused === undefined ? answer : { refused };
    },
  };
}

/** What is wrong with one session is a reason; a database that is written to all the time is an error. */
function attempt(verify: () => GateResult): GateResult {
  try {
    return verify();
  } catch (error) {
    if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
    return { refused: error.message };
  }
}

const ledgerOf = ({ paths }: LocalSession): string | undefined =>
  paths.find(({ path }) => path === "ledger/ledger.jsonl")?.from;

function checkSeal(local: LocalSession): GateResult {
  const { id, session } = local;
  const ledger = ledgerOf(local);
  if (ledger === undefined || !session.has.ledger) return { refused: `it has no ledger: agh-ledger write ${id}` };
  const read = readSeal(sealPath(ledger), id);
  if (read === "none") return { refused: `its ledger is not sealed: agh-ledger seal ${id}` };
  if ("problem" in read) return { refused: `${read.problem}: agh-ledger verify ${id}` };
  if (read.seal.bytes !== session.ledger_bytes) {
    return { refused: `its ledger does not match its seal: agh-ledger verify ${id}` };
  }
  return { proof: { seal: { root: hexOf(read.seal.root) } } };
}

function verifySeal(local: LocalSession): GateResult {
  const answer = checkSeal(local);
  if ("refused" in answer) return answer;
  const { id } = local;
  const ledger = ledgerOf(local)!;
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
  return answer;
}

/** Why ledgers do not hold every event, by session; undefined where they do. One pass: ledgers are read in the order of the home. */
async function compareHistories(
  ids: readonly string[],
  { custody, source, deps }: GateContext,
): Promise<ReadonlyMap<string, string | undefined>> {
  const reasons = new Map<string, string | undefined>();
  const expected = new Set(ids);
  const ledgers = await source.ledgers!();
  for await (const one of ledgers.sessions(custody.home, { ids }, withoutProblems(deps))) {
    deps.signal.throwIfAborted();
    if (expected.has(one.id)) reasons.set(one.id, await compareHistory(one));
  }
  return reasons;
}

/** Verdicts of a ledger that lacks no event. */
const WHOLE: ReadonlySet<string> = new Set(["equal", "ended_at", "purged"]);

async function compareHistory(own: SessionLedger): Promise<string | undefined> {
  if (own.lacks !== undefined) return `it has no ${own.lacks}`;
  if (own.ledger === undefined) return "it has no ledger any more";
  try {
    using reading = own.open();
    const { verdict } = await reading.compare(own.ledger);
    return WHOLE.has(verdict)
      ? undefined
      : `its ledger does not hold every event (${verdict}): agh-ledger compare ${own.id}`;
  } catch (error) {
    if (!(error instanceof ToolError) || error.code === "E_BUSY") throw error;
    return error.message;
  }
}
