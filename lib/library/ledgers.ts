// The ledgers of an opened home: written, sealed and verified, each with a summary at the end.
import type { LedgerHome } from "../ledger/open.ts";
import type { Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { orderKeys } from "../records/order-keys.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { LedgerOptions, SealOptions, VerifyLedgersOptions } from "./home-options.ts";

type LedgerWork = (home: LedgerHome, tally: Tally) => AsyncIterable<AnyRecord>;

async function* overLedgers(name: string, place: Place, deps: Deps, work: LedgerWork): AsyncGenerator<AnyRecord> {
  const [{ openLedgers }, { startTally }] = await Promise.all([
    import("../ledger/open.ts"),
    import("../ledger/tally.ts"),
  ]);
  const tally = startTally(`agh-ledger ${name}`, deps);
  using opened = await openLedgers(place, deps);
  for await (const record of work(opened, tally)) yield orderKeys(record);
  yield tally.summary();
}

export async function* writeLedgers(place: Place, options: LedgerOptions, deps: Deps): AsyncGenerator<AnyRecord> {
  const { sessions = {}, dryRun = false } = options;
  const ledger = await import("../ledger/write.ts");
  yield* overLedgers("write", place, deps, (home, tally) =>
    ledger.writeLedgers(home, { sessions, dryRun }, deps, tally),
  );
}

export async function* sealLedgers(place: Place, options: SealOptions, deps: Deps): AsyncGenerator<AnyRecord> {
  const { sessions = {}, dryRun = false, key } = options;
  const [ledger, keys] = await Promise.all([import("../ledger/seal.ts"), import("../ledger/keys.ts")]);
  const signer = key === undefined ? undefined : keys.readSigner(key);
  yield* overLedgers("seal", place, deps, (home, tally) =>
    ledger.sealLedgers(home, { sessions, dryRun, signer }, deps, tally),
  );
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
  const [ledger, trust] = await Promise.all([import("../ledger/verify.ts"), import("../ledger/trust.ts")]);
  const trusted = trust.readTrustedKeys(publicKeys, anchor);
  const whole = { sessions, ...trusted, require: requireTrust, all: isEverything(sessions) };
  yield* overLedgers("verify", place, deps, (home, tally) => ledger.verifyLedgers(home, whole, deps, tally));
}

const isEverything = (filter: SessionFilter): boolean =>
  Object.values(filter).every(
    (part) => part === undefined || part === false || (Array.isArray(part) && part.length === 0),
  );
