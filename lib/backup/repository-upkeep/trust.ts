// Accepts a repository as it is: what it says of itself now is from now on what this machine holds it to.
import { findAuthorship, signerOf } from "../../formats/repository/authorship/find-authorship.ts";
import { assertRecipients } from "../../formats/repository/authorship/open-for-writing.ts";
import { changesSince, pinOf, readKnown, writePin } from "../../formats/repository/authorship/pins.ts";
import { isRepositoryFileSigned } from "../../formats/repository/authorship/signatures.ts";
import { nameIn, SNAPSHOTS } from "../../formats/repository/layout.ts";
import { LocalStateFile } from "../../formats/repository/local-state.ts";
import {
  assertFormat,
  readRepositoryFile,
  soundFile,
  type RepositoryFile,
} from "../../formats/repository/repository.ts";
import { parseVerifier } from "../../formats/seal/note-key.ts";
import { isUlid, ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { VerdictRecord } from "../../records/result-kinds.ts";
import { Tally } from "../../records/summary.ts";
import { targetOf, type Target } from "../../targets/target.ts";

export interface TrustRepository {
  readonly repo: string;
  /** Show what would be accepted, and accept nothing. */
  readonly dryRun?: boolean;
}

/**
 * Yields a `verdict` with what this machine has pinned, what the repository says now, and in what they differ, and a
 * `summary`. With the key that signs, snapshots that vanished are noted as removed in its log.
 */
export async function* trustRepository({ repo, dryRun }: TrustRepository, deps: Deps): AsyncGenerator<AnyRecord> {
  const { env } = deps;
  const target = targetOf(repo);
  const file = soundFile(target, await readRepositoryFile(target));
  assertFormat(target, file);
  assertRecipients(target.url, file, env);
  assertOwnSignature(target, file);
  const tally = new Tally("agh-backup trust", deps, ulid(deps.now()));
  const known = readKnown(target, file, env);
  const changes = changesSince(known, file);
  if (!dryRun) await writePin(target, file, env);
  const log = await reviewLog({ target, file }, dryRun === true, env);
  const isKnown = known.pin !== undefined && changes.length === 0 && log.faults.length === 0;
  tally.done();
  if (dryRun && !isKnown) tally.failed(EXIT.found, 0);
  yield {
    kind: "verdict",
    id: file.id,
    verdict: isKnown || !dryRun ? "trusted" : known.pin ? "changed" : "unknown",
    evidence: { repo: target.url, pinned: known.pin ?? null, now: pinOf(file), changes, ...log },
  } satisfies VerdictRecord;
  yield tally.summary(dryRun ? { status: "planned" } : {});
}

/** A signature that is not even that of the key it names is nobody's. */
function assertOwnSignature({ url }: Target, file: RepositoryFile): void {
  if (file.sign === undefined) return;
  const verifier = parseVerifier(file.sign);
  if (verifier && isRepositoryFileSigned(file, [verifier])) return;
  throw refusal("E_REPOSITORY_FORGED", `${url} is not signed by ${file.sign}, which it names`);
}

interface LogReview {
  readonly heads: number;
  /** What is wrong with the log, in sentences. */
  readonly faults: readonly string[];
  /** Snapshots that were added, never pruned, and are missing. */
  readonly vanished: readonly string[];
}

/** What the log of a signed repository says; unless `looks` only, that is what was seen from now on. */
async function reviewLog(
  { target, file }: { readonly target: Target; readonly file: RepositoryFile },
  looks: boolean,
  env: Deps["env"],
): Promise<LogReview> {
  const localState = LocalStateFile.of(file.id, env);
  const authorship = file.sign === undefined ? undefined : findAuthorship({ target, file, localState }, env);
  if (!authorship) return { heads: 0, faults: [], vanished: [] };
  const { log, faults } = looks ? await authorship.readFaults() : await authorship.acceptLog();
  const present = new Set<string>();
  for await (const { key } of target.list(SNAPSHOTS)) if (isUlid(nameIn(key))) present.add(nameIn(key));
  const vanished = [...log.live.keys()].filter((id) => !present.has(id)).sort();
  const signer = looks || faults.length > 0 ? undefined : signerOf(target.url, file, env);
  if (signer) for (const id of vanished) await authorship.logRemoval(id, signer);
  return { heads: log.count, faults: faults.map(({ key, message }) => `${key} ${message}`), vanished };
}
