// The ledgers of an opened home: written, sealed and verified, each with a summary at the end.
import type { LedgerVerb } from "../ledger/open.ts";
import type { Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { LedgerOptions, SealOptions, VerifyLedgersOptions } from "./home-options.ts";

interface LedgerWork {
  readonly place: Place;
  readonly sessions: SessionFilter;
  readonly verb: LedgerVerb;
}

async function* overLedgers(
  name: string,
  { place, sessions, verb }: LedgerWork,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const ledger = await import("../ledger/open.ts");
  yield* ledger.overLedgers(`agh-ledger ${name}`, [{ place, sessions }], verb, deps);
}

export async function* writeLedgers(place: Place, options: LedgerOptions, deps: Deps): AsyncGenerator<AnyRecord> {
  const { sessions = {}, dryRun = false } = options;
  const ledger = await import("../ledger/write.ts");
  const verb: LedgerVerb = (home, of, tally) => ledger.writeLedgers(home, { sessions: of, dryRun }, deps, tally);
  yield* overLedgers("write", { place, sessions, verb }, deps);
}

export async function* sealLedgers(place: Place, options: SealOptions, deps: Deps): AsyncGenerator<AnyRecord> {
  const { sessions = {}, dryRun = false, key } = options;
  const [ledger, keys] = await Promise.all([import("../ledger/seal.ts"), import("../ledger/keys.ts")]);
  const signer = key === undefined ? undefined : keys.readSigner(key);
  const verb: LedgerVerb = (home, of, tally) => ledger.sealLedgers(home, { sessions: of, dryRun, signer }, deps, tally);
  yield* overLedgers("seal", { place, sessions, verb }, deps);
}

export async function* verifyLedgers(
  place: Place,
  options: VerifyLedgersOptions,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const { sessions = {}, publicKeys = [], anchor, requireTrust = publicKeys.length > 0 ? "signed" : "self" } = options;
  if (anchor !== undefined && publicKeys.length === 0) {
    throw usageError("an anchor requires the key that signed it", "publicKeys: the public half of that key");
  }
  const [ledger, trust] = await Promise.all([import("../ledger/verify.ts"), import("../ledger/anchor.ts")]);
  const trusted = trust.readTrustedKeys(publicKeys, anchor);
  const verb: LedgerVerb = (home, of, tally) =>
    ledger.verifyLedgers(home, { sessions: of, ...trusted, require: requireTrust }, deps, tally);
  yield* overLedgers("verify", { place, sessions, verb }, deps);
}
