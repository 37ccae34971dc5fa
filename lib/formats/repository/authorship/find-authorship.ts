// Whose signatures count: the keys that were named, else the one that this machine has pinned, else the one that signs here.
import { readFileSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import type { Deps } from "../../../records/deps.ts";
import { placeError, refusal, usageError } from "../../../records/error.ts";
import type { Target } from "../../../targets/target.ts";
import { readSigner, readVerifiers } from "../../seal/key-files.ts";
import { parseVerifier, type Signer, type Verifier } from "../../seal/note-key.ts";
import type { LocalStateFile } from "../local-state.ts";
import { Authorship } from "./authorship.ts";
import { parseHead } from "./head-log.ts";
import type { PinnedFile } from "./pins.ts";
import type { SeenHead } from "./read-heads.ts";

type Env = Deps["env"];

export interface OpenedRepositoryFile {
  readonly target: Target;
  readonly file: PinnedFile;
  readonly localState: LocalStateFile | undefined;
}

/** Undefined where no key is known: then signatures say nothing. */
export function findAuthorship({ target, file, localState }: OpenedRepositoryFile, env: Env): Authorship | undefined {
  const keys = namedKeys(env) ?? pinnedKeys(localState) ?? ownKeys(file, env);
  const anchor = env["AGH_BACKUP_ANCHOR"]?.trim();
  if (!keys) {
    if (!anchor) return undefined;
    throw usageError("--anchor requires the key that signed it: --pub FILE", "the public half of the repository's key");
  }
  const source = { target, repositoryId: file.id, verifiers: keys.verifiers };
  const seen = anchor ? readAnchorHead(anchor, file.id, keys.verifiers) : undefined;
  return new Authorship({ ...source, basis: keys.basis, localState, anchor: seen });
}

interface KnownKeys {
  readonly verifiers: readonly Verifier[];
  readonly basis: string;
}

function namedKeys(env: Env): KnownKeys | undefined {
  const files = (env["AGH_BACKUP_PUB"] ?? "").split("\n").filter((file) => file.trim() !== "");
  return files.length === 0 ? undefined : { verifiers: files.flatMap(readVerifiers), basis: files.join(", ") };
}

function pinnedKeys(localState: LocalStateFile | undefined): KnownKeys | undefined {
  const verifier = parseVerifier(localState?.read().pin?.sign ?? "");
  return verifier && { verifiers: [verifier], basis: "the key that this machine has pinned" };
}

function ownKeys(file: PinnedFile, env: Env): KnownKeys | undefined {
  const signer = file.sign === undefined ? undefined : signerFrom(env);
  return signer && signer.verifier === file.sign ? { verifiers: [signer], basis: "the key that signs" } : undefined;
}

/** The private key that the environment names. */
export function signerFrom(env: Env): Signer | undefined {
  const file = env["AGH_BACKUP_SIGN_KEY"]?.trim();
  return file ? readSigner(file) : undefined;
}

function readAnchorHead(path: string, repositoryId: string, verifiers: readonly Verifier[]): SeenHead {
  const head = parseHead(readNote(path), repositoryId, verifiers);
  if (head) return { ...head, witness: path };
  throw placeError(
    "E_BAD_HEAD",
    `${path} is not a head of repository ${repositoryId} that one of the keys has signed`,
    "agh-backup head prints one",
  );
}

function readNote(path: string): Buffer {
  try {
    return readFileSync(osPath(path));
  } catch (error) {
    throw toFileError(path, "read", error);
  }
}

/** The private key of a signed repository. None → undefined, another one → E_SIGN_KEY (4). */
export function signerOf(url: string, { sign }: PinnedFile, env: Env): Signer | undefined {
  const signer = sign === undefined ? undefined : signerFrom(env);
  if (!signer || signer.verifier === sign) return signer;
  throw refusal(
    "E_SIGN_KEY",
    `${url} is signed by ${sign!}, and the key given is that of ${signer.verifier}`,
    "--sign KEY names the private half of the repository's key",
  );
}

export const signKeyNeeded = (url: string) =>
  refusal(
    "E_SIGN_KEY_NEEDED",
    `${url} is signed: what is added to it or taken from it needs the key`,
    "--sign KEY, or set AGH_BACKUP_SIGN_KEY",
  );
