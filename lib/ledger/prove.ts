// Makes a proof that one line is in a sealed ledger.
import type { Anchor } from "./anchor.ts";
import { BLOCK_LEAVES, leafHash, type Digest } from "../formats/seal/merkle.ts";
import { parseLineContent, encodeProof, pathInSeal, type Proof } from "../formats/seal/proof.ts";
import { findSealFault } from "../formats/seal/seal-fault.ts";
import { isOwnNote, type Seal } from "../formats/seal/seal.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError, ToolError, usageError } from "../records/error.ts";
import { splitLines, openLedger, readChunks } from "../sources/ledger-file.ts";
import type { SessionLedger } from "../sources/ledgers.ts";
import { readSeal, sealPath } from "../formats/seal/seal-file.ts";
import type { LedgerHome } from "./open.ts";
import { readTree } from "./seal.ts";

export interface ProveLine {
  readonly id: string;
  /** Undefined for the ledger's first line, which names the session. */
  readonly sequence: number | undefined;
  /** The signed checkpoint to be put in. */
  readonly anchor: Anchor | undefined;
}

/** The proof file's text. Throws (exit 1) where the ledger is not what was sealed, (exit 2) where it has no such event. */
export async function proveLine(home: LedgerHome, { id, sequence, anchor }: ProveLine, deps: Deps): Promise<string> {
  const session = await findSession(home, id, deps);
  const seal = readIntactSeal(session, deps);
  const { index, line, leaves } = findLine(session.ledger!, sequence);
  if (line === undefined)
    throw usageError(`the ledger of ${session.id} has no event ${sequence}`, `agh-ledger cat ${session.id}`);
  const proof: Proof = {
    sessionId: session.id,
    sequence: sequence ?? null,
    index,
    size: seal.lines,
    root: seal.root,
    line,
    path: pathInSeal(seal, leaves, index),
    note: seal.note,
    checkpoint: anchor?.note,
  };
  return encodeProof(proof);
}

async function findSession({ home, ledgers }: LedgerHome, id: string, deps: Deps): Promise<SessionLedger> {
  for await (const session of ledgers.sessions(home, { ids: [id] }, deps)) return session;
  throw usageError(`session '${id}' does not exist`);
}

function readIntactSeal({ id, ledger, hasLedger }: SessionLedger, deps: Deps): Seal {
  const read = hasLedger ? readSeal(sealPath(ledger!), id) : "none";
  if (read === "none") throw placeError("E_NOT_SEALED", `session ${id} has no sealed ledger`, `agh-ledger seal ${id}`);
  const broken = "problem" in read ? read.problem : findSealFault(read.seal, readTree(ledger!, deps))?.status;
  if (broken !== undefined || !("seal" in read) || (read.seal.note && !isOwnNote(read.seal))) {
    const message = `the ledger of ${id} does not match its seal: ${broken ?? "rewritten"}`;
    throw new ToolError({ code: "E_SEAL_BROKEN", message, hint: `agh-ledger verify ${id}`, exit: EXIT.found });
  }
  return read.seal;
}

interface FoundLine {
  readonly index: number;
  readonly line: Buffer | undefined;
  /** Leaf hashes of its block. */
  readonly leaves: readonly Digest[];
}

/** Reads on to the end of the line's block. */
function findLine(path: string, sequence: number | undefined): FoundLine {
  using file = openLedger(path);
  let [index, place]: [number, number] = [-1, -1];
  let line: Buffer | undefined;
  let leaves: Digest[] = [];
  for (const bytes of splitLines(readChunks(file))) {
    index++;
    if (index % BLOCK_LEAVES === 0) {
      if (line) break;
      leaves = [];
    }
    leaves.push(leafHash(bytes));
    const isIt =
      line === undefined &&
      (sequence === undefined ? index === 0 : index > 0 && parseLineContent(bytes)?.["sequence"] === sequence);
    if (isIt) [line, place] = [Buffer.from(bytes), index];
  }
  return { index: place, line, leaves };
}
