// The ledgers of an opened home: written, sealed and verified, each with a summary at the end.
import type { Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { LedgerOptions, SealOptions, VerifyLedgersOptions } from "./home-options.ts";

export interface LedgerKey {
  /** The one line of FILE.pub: for whoever verifies. */
  readonly publicKey: string;
}

/** Makes a key pair, FILE (0600) and FILE.pub; neither may be there. `name` says whose it is. */
export async function createLedgerKey(file: string, name = "agh-ledger"): Promise<LedgerKey> {
  const { writeKeyPair } = await import("../ledger/keys.ts");
  return { publicKey: writeKeyPair(file, name).verifier };
}

type Records = Promise<AsyncIterable<AnyRecord>>;

export async function writeLedgers(place: Place, options: LedgerOptions, deps: Deps): Records {
  const { sessions = {}, dryRun = false } = options;
  const [{ overLedgers }, verb] = await Promise.all([import("../ledger/open.ts"), import("../ledger/write.ts")]);
  return overLedgers(
    "agh-ledger write",
    [{ place, sessions }],
    (home, selected, tally) => verb.writeLedgers(home, { sessions: selected, dryRun }, deps, tally),
    deps,
  );
}

export async function sealLedgers(place: Place, options: SealOptions, deps: Deps): Records {
  const { sessions = {}, dryRun = false, key } = options;
  const [{ overLedgers }, verb] = await Promise.all([import("../ledger/open.ts"), import("../ledger/seal.ts")]);
  const signer = key === undefined ? undefined : (await import("../ledger/keys.ts")).readSigner(key);
  return overLedgers(
    "agh-ledger seal",
    [{ place, sessions }],
    (home, selected, tally) => verb.sealLedgers(home, { sessions: selected, dryRun, signer }, deps, tally),
    deps,
  );
}

export async function verifyLedgers(place: Place, options: VerifyLedgersOptions, deps: Deps): Records {
  const { sessions = {}, publicKeys = [], anchor } = options;
  const { requireTrust = publicKeys.length > 0 ? "signed" : "self" } = options;
  if (anchor !== undefined && publicKeys.length === 0) {
    throw usageError("an anchor requires the key that signed it", "publicKeys: the public half of that key");
  }
  const [{ overLedgers }, verb] = await Promise.all([import("../ledger/open.ts"), import("../ledger/verify.ts")]);
  const { keys, anchor: known } = (await import("../ledger/anchor.ts")).readTrustedKeys(publicKeys, anchor);
  const trust = { keys, anchor: known, require: requireTrust, all: isEverything(sessions) };
  return overLedgers(
    "agh-ledger verify",
    [{ place, sessions }],
    (home, selected, tally) => verb.verifyLedgers(home, { sessions: selected, ...trust }, deps, tally),
    deps,
  );
}

const isEverything = (filter: SessionFilter): boolean =>
  Object.values(filter).every(
    (part) => part === undefined || part === false || (Array.isArray(part) && part.length === 0),
  );
