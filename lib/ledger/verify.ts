// Verifies ledgers against their seals, keys and a checkpoint that was kept elsewhere.
import type { SealedTree } from "../formats/seal/checkpoint.ts";
import type { Digest } from "../formats/seal/merkle.ts";
import type { Verifier } from "../formats/seal/note-key.ts";
import { findSealFault } from "../formats/seal/seal-fault.ts";
import { isOwnNote, type Seal } from "../formats/seal/seal.ts";
import { signedBy } from "../formats/seal/signed-note.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, ToolError, type Exit } from "../records/error.ts";
import type { Finding } from "../records/result-kinds.ts";
import type { SealRecord } from "../records/toolkit-kinds.ts";
import type { Tally } from "../records/summary.ts";
import type { SessionLedger } from "../sources/ledgers.ts";
import { hasSelectors } from "../sources/selection.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import type { Anchor } from "./anchor.ts";
import { findingFromError } from "./finding.ts";
import { readSeal, sealPath } from "../formats/seal/seal-file.ts";
import type { LedgerHome } from "./open.ts";
import { sealRecord, signerName } from "./seal-record.ts";
import { readTree } from "./seal.ts";

export const TRUST = ["self", "signed", "anchored"] as const;
export type Trust = (typeof TRUST)[number];

export interface VerifyLedgers {
  readonly sessions: SessionFilter;
  readonly keys: readonly Verifier[];
  readonly anchor: Anchor | undefined;
  readonly require: Trust;
}

/** A `seal` record for each session that has a ledger or a seal, and, where all are verified, for those that only the anchor lists. */
export async function* verifyLedgers(
  { home, ledgers }: LedgerHome,
  options: VerifyLedgers,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<SealRecord | Finding> {
  const { anchor } = options;
  if (anchor && anchor.homeId !== home.id) {
    const hint = `if this is the same home, moved or restored: --home-id ${anchor.homeId}`;
    throw refusal("E_OTHER_HOME", `the anchor belongs to home ${anchor.homeId}, not to ${home.id}`, hint);
  }
  const seen = new Set<string>();
  for await (const session of ledgers.sessions(home, options.sessions, deps)) {
    deps.signal.throwIfAborted();
    seen.add(session.id);
    const { record, exit } = attempt(home, session, options, deps);
    if (!record) continue;
    if (exit === EXIT.ok) tally.done(record.kind === "seal" ? record.bytes : 0);
    else tally.failed(exit);
    yield record;
  }
  if (hasSelectors(options.sessions)) return;
  if (seen.size === 0) {
    tally.failed(EXIT.found);
    yield nothingToVerify(home);
  }
  if (!anchor) return;
  for (const { sessionId } of anchor.seals.values()) {
    if (seen.has(sessionId)) continue;
    tally.failed(EXIT.found);
    yield sealRecord(home, undefined, sessionId, {
      status: "missing",
      reason: "the anchor lists it, but the session does not exist",
    });
  }
}

/** A home in which nothing is proves nothing: another disk, or another user's. */
const nothingToVerify = ({ runtime, place }: Home): Finding => ({
  kind: "finding",
  runtime,
  home: place,
  code: "NO_SESSION",
  severity: "error",
  message: `${place} has no sessions: there is nothing to verify`,
  evidence: {},
});

interface VerifyResult {
  readonly record: SealRecord | Finding | undefined;
  readonly exit: Exit;
}

function attempt(home: Home, session: SessionLedger, options: VerifyLedgers, deps: Deps): VerifyResult {
  try {
    const record = verifyOne(home, session, options, deps);
    const trusted = TRUST.indexOf(record?.trust ?? "self") >= TRUST.indexOf(options.require);
    return { record, exit: !record || (record.status === "ok" && trusted) ? EXIT.ok : EXIT.found };
  } catch (error) {
    const record = findingFromError(home, session.id, error);
    return { record, exit: error instanceof ToolError && error.code === "E_NOT_A_LEDGER" ? EXIT.found : EXIT.partial };
  }
}

function verifyOne(home: Home, session: SessionLedger, options: VerifyLedgers, deps: Deps): SealRecord | undefined {
  const { id, ledger, hasLedger } = session;
  const path = ledger === undefined ? undefined : sealPath(ledger);
  const read = path === undefined ? "none" : readSeal(path, id);
  const anchored = options.anchor?.seals.get(id);
  if (read === "none" && !hasLedger) {
    if (anchored)
      return sealRecord(home, path, id, {
        status: "missing",
        reason: "the anchor lists it, but its ledger and seal are missing",
      });
    return undefined;
  }
  if (read === "none") {
    const reason = anchored ? "the anchor lists it, but its seal is missing" : "it has never been sealed";
    return sealRecord(home, path, id, { status: "unsealed", reason });
  }
  if ("problem" in read) return sealRecord(home, path, id, { status: "tampered", reason: read.problem });
  if (!hasLedger) return sealRecord(home, path, read.seal, { status: "missing", reason: "its ledger is missing" });
  const tree = readTree(ledger!, deps, anchored?.size);
  const fault = findSealFault(read.seal, tree);
  if (fault) {
    const { status, line, block } = fault;
    return sealRecord(home, path, read.seal, { status, first_bad_line: line, first_bad_block: block });
  }
  return sealRecord(home, path, read.seal, evaluateTrust(read.seal, options, anchored, tree.prefixRoot));
}

type TrustStatus = Pick<SealRecord, "status" | "trust" | "reason">;

/** How far a ledger that agrees with its seal is to be trusted: both may have been rewritten together. */
function evaluateTrust(
  seal: Seal,
  { keys, anchor }: VerifyLedgers,
  anchored: SealedTree | undefined,
  prefixRoot: Digest | undefined,
): TrustStatus {
  if (seal.note && !isOwnNote(seal)) {
    return { status: "rewritten", reason: "the signature covers another ledger: seal and ledger were rewritten" };
  }
  if (anchored && prefixRoot !== anchored.root) {
    return {
      status: "rewritten",
      reason: `the anchor has ${anchored.size} lines of it that differ from these: seal and ledger were rewritten`,
    };
  }
  const signatures = keys.map((key) => (seal.note ? signedBy(seal.note, key) : "no"));
  if (signatures.includes("forged")) return { status: "tampered", reason: "its signature is forged" };
  if (anchored) return { status: "ok", trust: "anchored" };
  const why = anchor ? "the anchor does not list it" : undefined;
  if (signatures.includes("yes")) return { status: "ok", trust: "signed", ...(why && { reason: why }) };
  return { status: "ok", trust: "self", reason: selfTrustReason(seal, keys) };
}

function selfTrustReason({ note }: Seal, keys: readonly Verifier[]): string {
  if (!note) return "it is not signed: whoever changes the ledger can seal it again";
  const signers = note.signatures.map(signerName).join(", ");
  return keys.length === 0
    ? `it is signed by ${signers}; --pub FILE checks that`
    : `it is signed by ${signers}, which is none of the given keys`;
}
