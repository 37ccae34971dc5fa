// Opens a repository for what adds to it or takes from it: only one that is what it was, encrypted and signed as it must be.
import type { Deps } from "../../../records/deps.ts";
import { refusal } from "../../../records/error.ts";
import { isUlid } from "../../ulid.ts";
import { nameIn, SNAPSHOTS } from "../layout.ts";
import { containsAgeFiles } from "../open-damaged.ts";
import { openRepository, type Repository, type RepositoryFile } from "../repository.ts";
import { listManifests } from "../snapshots.ts";
import { signerFrom } from "./find-authorship.ts";
import { readKnown, writePin } from "./pins.ts";

type Env = Deps["env"];

export interface WritingOptions {
  readonly env: Env;
  /** What is written is signed where the repository is, unless false. */
  readonly signs?: boolean;
  /** False where `pinFirstUse` comes later, when the home is known, or where nothing is written at all. */
  readonly pins?: boolean;
}

/** Opens it, refuses (4) what has changed or is not known, and pins what is used for the first time. */
export async function openForWriting(
  url: string,
  { env, signs = true, pins = true }: WritingOptions,
): Promise<Repository> {
  const repo = await openRepository(url, { env });
  assertRecipients(url, repo.file, env);
  if (signs) assertSigner(repo, env);
  if (signs) await repo.authorship?.log(); // one that was rolled back is refused before anything is stored
  if (pins) await pinFirstUse(repo, { env });
  return repo;
}

export interface FirstUse {
  readonly env: Env;
  /** The home that is about to be backed up. */
  readonly homeId?: string;
  readonly dryRun?: boolean | undefined;
}

/**
 * An encrypted repository that nobody here knows, and that holds snapshots of this home, is refused (4): somebody may have
 * added himself. Recipients that are all the identity's own, or that are asserted, need no memory.
 */
export async function pinFirstUse(repo: Repository, { env, homeId, dryRun = false }: FirstUse): Promise<void> {
  const { target, file, url } = repo;
  const isAsserted = recipientsFrom(env) !== undefined || repo.envelope?.isOnlyOurs === true;
  const known = readKnown(target, file, env);
  if (!isAsserted && file.encryption && !known.pin && (await holdsSnapshots(repo, homeId))) {
    throw refusal(
      "E_REPOSITORY_UNKNOWN",
      `${url} is encrypted to ${file.encryption.age.join(", ")} and holds snapshots, and this machine does not know it`,
      `agh-backup trust --repo ${url} if those are your recipients, or assert them with --encrypt-to`,
    );
  }
  if (!file.encryption && !known.pin && (await containsAgeFiles(target))) {
    throw refusal(
      "E_REPOSITORY_CHANGED",
      `${url} says that it is not encrypted, and holds encrypted objects`,
      `agh-backup verify --all --repo ${url}; if that was your doing, agh-backup trust --repo ${url}`,
    );
  }
  if (dryRun) return;
  try {
    await writePin(target, file, env);
  } catch (error) {
    // What is neither encrypted nor signed, or is asserted anew each time, can be used without memory.
    if ((file.encryption && !isAsserted) || file.sign !== undefined) throw error;
  }
}

/** Of this home, where that can be read. */
async function holdsSnapshots(repo: Repository, homeId: string | undefined): Promise<boolean> {
  if (!repo.isLocked && homeId !== undefined) {
    let isUnreadable = false;
    for await (const _ of listManifests(repo, { homeId }, () => (isUnreadable = true))) return true;
    return isUnreadable;
  }
  for await (const { key } of repo.target.list(SNAPSHOTS)) if (isUlid(nameIn(key))) return true;
  return false;
}

/** The recipients that somebody asserts; undefined where nobody does. */
export function recipientsFrom(env: Env): readonly string[] | undefined {
  const named = (env["AGH_BACKUP_RECIPIENTS"] ?? "").split(/[\s,]+/).filter(Boolean);
  return named.length === 0 ? undefined : named.map((each) => each.toLowerCase());
}

/** Throws E_RECIPIENTS (4) where somebody asserts other ones than it has. */
export function assertRecipients(url: string, file: Pick<RepositoryFile, "encryption">, env: Env): void {
  const asserted = recipientsFrom(env);
  const now = file.encryption?.age ?? [];
  if (!asserted || (new Set([...asserted, ...now]).size === now.length && asserted.length >= now.length)) return;
  const state = now.length === 0 ? "is not encrypted" : `is encrypted to ${now.join(", ")}`;
  throw refusal(
    "E_RECIPIENTS",
    `${url} ${state}, and must be encrypted to ${asserted.join(", ")}`,
    "name the recipients of this repository, or another repository",
  );
}

/** A key that is named says that the repository is signed. */
function assertSigner(repo: Repository, env: Env): void {
  if (repo.file.sign !== undefined) return void repo.requireSigner();
  const signer = signerFrom(env);
  if (!signer) return;
  throw refusal(
    "E_NOT_SIGNED",
    `${repo.url} is not signed, and ${signer.verifier} is to sign it`,
    `agh-backup upgrade --sign KEY --repo ${repo.url}`,
  );
}
