// A repository: what it says of itself, where its chunks lie, and their content, encrypted or not.
import type { Deps } from "../../records/deps.ts";
import { EXIT, placeError, refusal, ToolError } from "../../records/error.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import type { Signer } from "../seal/note-key.ts";
import type { Authorship } from "./authorship/authorship.ts";
import { findAuthorship, signerOf, signKeyNeeded } from "./authorship/find-authorship.ts";
import { changesSince, readKnown, repositoryChanged } from "./authorship/pins.ts";
import { encodeSignature, isRepositoryFileSigned, type SignatureState } from "./authorship/signatures.ts";
import { chunkId, decompress } from "./chunk.ts";
import { decodeIndex, encodeIndex, type ChunkIndex, type PackLine } from "./chunk-index.ts";
import { openEnvelope, identityNeeded, type Envelope } from "./encryption.ts";
import { indexKey, packKey, PAGES, REPOSITORY_KEY, signatureKey, snapshotKey } from "./layout.ts";
import { LocalStateFile } from "./local-state.ts";
import { REPOSITORY_FORMAT } from "./manifest.ts";
import { PackReader, type StoredChunk } from "./pack-reader.ts";
import { readIndexes } from "./read-indexes.ts";
import { RepositoryCache } from "./repository-cache.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";

export interface RepositoryFile {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly created_at: string;
  readonly encryption: null | { readonly age: readonly string[] };
  /** The public key that signs what is in it, as NAME+ID+KEY. */
  readonly sign?: string;
  /** The key's signature over all the members before it. */
  readonly signature?: string;
}

export const encodeRepository = (file: RepositoryFile): Buffer => encodeSealed(file).bytes;

/** Undefined for what `encodeRepository` would not write, byte by byte. */
export function decodeRepository(bytes: Buffer): RepositoryFile | undefined {
  const sealed = decodeSealed(bytes);
  if (!sealed) return undefined;
  const { digest: _, ...file } = sealed as unknown as RepositoryFile & { readonly digest: string };
  return encodeRepository(file).equals(bytes) && isRepositoryFile(file) ? file : undefined;
}

const isText = (value: unknown): boolean => typeof value === "string";

/** A digest can be made by anybody who may write to the repository. */
const isRepositoryFile = ({ format, id, encryption, sign, signature }: RepositoryFile): boolean =>
  Number.isSafeInteger(format) &&
  format > 0 &&
  isText(id) &&
  (encryption === null ||
    (Array.isArray(encryption?.age) && encryption.age.length > 0 && encryption.age.every(isText))) &&
  [sign, signature].every((value) => value === undefined || isText(value));

/** What an encrypted repository is opened with. */
export interface RepositoryOptions {
  /**
   * AGH_BACKUP_IDENTITY, _PUB, _ANCHOR and _SIGN_KEY name files; XDG_CACHE_HOME, XDG_STATE_HOME or HOME say where the
   * cache and the local state are.
   */
  readonly env?: Deps["env"];
}

/**
 * Opens what `init` made. Missing, damaged or of a later format → exit 6; another repository's identity → E_IDENTITY (6).
 * One that is not what this machine knows, or is not signed by a key that must have signed it, is refused (4).
 */
export async function openRepository(url: string, opening: RepositoryOptions = {}): Promise<Repository> {
  const target = targetOf(url);
  const file = soundFile(target, await readRepositoryFile(target));
  assertFormat(target, file);
  const changes = changesSince(readKnown(target, file, opening.env ?? {}), file);
  if (changes.length > 0) throw repositoryChanged(target.url, changes);
  const repo = await openWithFile(target, file, opening);
  const fault = repo.authorshipFault();
  if (fault !== undefined) throw refusal("E_REPOSITORY_FORGED", `${target.url} ${fault}`, verifyHint(target));
  return repo;
}

/** What the bytes of `repository.json` say. Damaged → exit 6. */
export function soundFile(target: Target, bytes: Buffer): RepositoryFile {
  const file = decodeRepository(bytes);
  if (file) return file;
  throw placeError("E_REPOSITORY_DAMAGED", `${target.url}/${REPOSITORY_KEY} is damaged`, verifyHint(target));
}

const verifyHint = ({ url }: Target): string => `agh-backup verify --all --repo ${url}`;

export function assertFormat({ url }: Target, { format }: RepositoryFile): void {
  if (format <= REPOSITORY_FORMAT) return;
  throw placeError(
    "E_FORMAT_UNKNOWN",
    `${url} has format ${format}; this version reads up to ${REPOSITORY_FORMAT}`,
    "use a newer version",
  );
}

/** The bytes that `init` wrote, not looked at. */
export async function readRepositoryFile(target: Target): Promise<Buffer> {
  const bytes = await target.get(REPOSITORY_KEY);
  if (bytes) return bytes;
  throw placeError(
    "E_NO_REPOSITORY",
    `the repository ${target.url} does not exist`,
    `agh-backup init --repo ${target.url}`,
  );
}

/** A repository of which this is known. */
export async function openWithFile(
  target: Target,
  file: RepositoryFile,
  { env = {} }: RepositoryOptions,
): Promise<Repository> {
  assertFormat(target, file);
  const localState = LocalStateFile.of(file.id, env);
  const authorship = findAuthorship({ target, file, localState }, env);
  const known = { localState, authorship, signer: () => signerOf(target.url, file, env) };
  if (!file.encryption) return new Repository(target, file, known);
  const envelope = await openEnvelope({ url: target.url, recipients: file.encryption.age }, identityFileFrom(env));
  return new Repository(target, file, { ...known, envelope, cache: RepositoryCache.of(file.id, env) });
}

/** The identity file that an environment names. */
export const identityFileFrom = (env: Deps["env"]): string | undefined =>
  env["AGH_BACKUP_IDENTITY"]?.trim() || undefined;

/** What this machine has beside the repository itself. */
interface MachineKnowledge {
  readonly envelope?: Envelope;
  readonly cache?: RepositoryCache | undefined;
  readonly localState?: LocalStateFile | undefined;
  readonly authorship?: Authorship | undefined;
  /** Reads the private key. */
  readonly signer?: () => Signer | undefined;
}

/** An object's file as it is stored, encrypted or not. */
export interface StoredBytes {
  readonly size: number;
  readonly sha256: string;
}

export const storedObjectOf = (bytes: Uint8Array): StoredBytes => ({ size: bytes.length, sha256: chunkId(bytes) });

export class Repository {
  readonly target: Target;
  readonly file: RepositoryFile;
  /** Undefined when it is not encrypted. */
  readonly envelope: Envelope | undefined;
  /** What is known without an identity, where it is encrypted. */
  readonly cache: RepositoryCache | undefined;
  /** What this machine remembers of it; undefined where there is no place for that. */
  readonly localState: LocalStateFile | undefined;
  /** Who must have signed what is in it; undefined where no key is known. */
  readonly authorship: Authorship | undefined;
  readonly #readSigner: () => Signer | undefined;
  #packs: PackReader;
  #index: Promise<ChunkIndex> | undefined;

  constructor(target: Target, file: RepositoryFile, known: MachineKnowledge = {}) {
    this.target = target;
    this.file = file;
    this.envelope = known.envelope;
    this.cache = known.cache;
    this.localState = known.localState;
    this.authorship = known.authorship;
    this.#readSigner = known.signer ?? (() => undefined);
    this.#packs = new PackReader(target, this.envelope);
  }

  get url(): string {
    return this.target.url;
  }

  /** Encrypted, and no identity is given: names, sizes and what the cache holds are all that can be read. */
  get isLocked(): boolean {
    return this.envelope !== undefined && this.envelope.identity === undefined;
  }

  /** Throws E_IDENTITY_NEEDED (4) where it is locked. */
  requireIdentity(): void {
    if (this.isLocked) throw identityNeeded(this.url);
  }

  /** In what it is not signed as it must be; undefined where it is, or where no key is known. */
  authorshipFault(): string | undefined {
    const { sign } = this.file;
    if (!this.authorship) return undefined;
    const { basis, verifiers } = this.authorship;
    if (sign === undefined) return `is not signed, and ${basis} must have signed it`;
    const isOurs = verifiers.some(({ name, id }) => sign.startsWith(`${name}+${id}+`));
    if (isOurs && isRepositoryFileSigned(this.file, verifiers)) return undefined;
    return `is not signed by ${basis}`;
  }

  /** What the signature of a small object says of it; `signed` where no key is known. */
  async signatureOf(key: string, bytes: Buffer): Promise<SignatureState> {
    return this.authorship ? this.authorship.signatureOf(key, bytes) : "signed";
  }

  /** The key that signs what is written; undefined where nothing is signed. None at hand, or another one → exit 4. */
  requireSigner(): Signer | undefined {
    const signer = this.#readSigner();
    if (!signer && this.file.sign !== undefined) throw signKeyNeeded(this.url);
    return signer;
  }

  /**
   * Where all chunks lie; read at the first call. A damaged index → exit 6. Of a locked repository only what the cache
   * knows: what another machine has stored is missing.
   */
  index(): Promise<ChunkIndex> {
    return (this.#index ??= readIndexes(this));
  }

  /** Goes by an index that was read already. */
  useIndex(index: ChunkIndex): void {
    this.#index = Promise.resolve(index);
  }

  /** A manifest's or an index's content, decrypted; undefined when there is none. Locked and not cached → exit 4. */
  async read(key: string): Promise<Buffer | undefined> {
    if (this.isLocked) return this.cache?.read(key) ?? fail(identityNeeded(this.url));
    const bytes = await this.target.get(key);
    return bytes && this.open(bytes, key);
  }

  /**
   * The lines of an index file of this size; undefined when it is gone, or locked and not cached, or shorter than what is
   * cached of it. Damaged → exit 6.
   */
  async indexLines(key: string, size = Number.POSITIVE_INFINITY): Promise<readonly PackLine[] | undefined> {
    try {
      let content = this.isLocked ? this.cache?.read(key) : await this.read(key);
      if (this.isLocked && content && size < content.length) content = undefined;
      return content && [...decodeIndex(content)];
    } catch (cause) {
      if (cause instanceof ToolError && cause.code !== "E_AGE_DAMAGED") throw cause;
      throw damaged(this.url, "E_INDEX_DAMAGED", `${key} is damaged`, cause);
    }
  }

  /** The content of an object from its bytes. Damaged → E_AGE_DAMAGED (6). */
  async open(bytes: Buffer, key: string): Promise<Buffer> {
    return this.envelope ? this.envelope.open(bytes, key) : bytes;
  }

  /** Stores an index file made of these lines. */
  async putIndex(lines: readonly Uint8Array[]): Promise<{ readonly key: string; readonly bytes: number }> {
    const content = encodeIndex(lines);
    const bytes = await this.#encrypt(content);
    const key = indexKey(chunkId(bytes));
    await this.target.put(key, bytes);
    this.cache?.write(key, content);
    return { key, bytes: bytes.length };
  }

  /**
   * Makes a snapshot visible. There is one of this id → E_EXISTS (6). Where the repository is signed, its signature is
   * there before it, and the log learns of it after: what a kill leaves between, the next snapshot puts right.
   */
  async putManifest(id: string, content: Buffer): Promise<StoredBytes> {
    const signer = this.requireSigner();
    const bytes = await this.#encrypt(content);
    if (signer) await this.#putSignature(snapshotKey(id), bytes, signer);
    await this.target.put(snapshotKey(id), bytes, { exclusive: true });
    this.cache?.write(snapshotKey(id), content);
    if (signer) await this.authorship?.logSnapshots(signer, id);
    return storedObjectOf(bytes);
  }

  /** Removes a snapshot. Where the repository is signed, the log says so before it is gone. */
  async removeManifest(id: string): Promise<void> {
    const signer = this.requireSigner();
    if (signer) await this.authorship?.logRemoval(id, signer);
    await this.target.delete(snapshotKey(id));
    if (signer) await this.target.delete(signatureKey(snapshotKey(id)));
  }

  /** Where it is signed: the log learns of snapshots whose run was killed before it did. */
  async completeLog(): Promise<void> {
    const signer = this.requireSigner();
    if (signer) await this.authorship?.logSnapshots(signer);
  }

  /** What a killed prune has left: snapshots that the log calls pruned, and signatures of what is not there. */
  async finishRemovals(): Promise<void> {
    const signer = this.requireSigner();
    for (const key of signer ? ((await this.authorship?.leftovers()) ?? []) : []) await this.target.delete(key);
  }

  /** Signs what is there, whoever has written it. */
  async signObject(key: string, signer: Signer): Promise<void> {
    const bytes = await this.target.get(key);
    if (!bytes) return;
    const note = encodeSignature(this.file.id, key, bytes, signer);
    if ((await this.target.get(signatureKey(key)))?.equals(note)) return;
    await this.target.delete(signatureKey(key));
    await this.target.put(signatureKey(key), note, { exclusive: true });
  }

  /** Stores a small object under a key of its own, with its signature where the key that signs is at hand. */
  async putObject(key: string, bytes: Buffer): Promise<void> {
    const signer = this.#readSigner();
    if (signer) await this.#putSignature(key, bytes, signer);
    await this.target.put(key, bytes, { exclusive: true });
  }

  /** One that a killed run has left is for other bytes: an encrypted manifest is never made twice. */
  async #putSignature(key: string, bytes: Buffer, signer: Signer): Promise<void> {
    const note = encodeSignature(this.file.id, key, bytes, signer);
    const there = await this.target.get(signatureKey(key));
    if (there?.equals(note)) return;
    if (there && (await this.target.head(key))) throw placeError("E_EXISTS", `${this.url}/${key} exists already`);
    if (there) await this.target.delete(signatureKey(key));
    await this.target.put(signatureKey(key), note, { exclusive: true });
  }

  /** Announces which chunks will be read next, so that neighbours come in one read. */
  async expect(chunks: readonly string[]): Promise<void> {
    if (this.isLocked || (this.target.dir !== undefined && !this.envelope)) return;
    const index = await this.index();
    const places = chunks.map((sha256) => ({ sha256, ...index.find(sha256) }));
    this.#packs.expect(places.filter((place): place is StoredChunk => place.pack !== undefined));
  }

  /** A chunk's content, checked against its id. Missing or damaged → exit 6; locked and not cached → exit 4. */
  async chunk(sha256: string): Promise<Buffer> {
    if (this.isLocked) return this.cache?.read(PAGES + sha256) ?? fail(identityNeeded(this.url));
    const place = (await this.index()).find(sha256);
    if (!place) throw damaged(this.url, "E_CHUNK_MISSING", `no index lists chunk ${sha256}`);
    const content = await this.#contentAt({ sha256, ...place });
    if (content) return content;
    throw damaged(
      this.url,
      "E_CHUNK_DAMAGED",
      `chunk ${sha256} in ${packKey(place.pack)} is ${(await this.target.head(packKey(place.pack))) ? "damaged" : "missing"}`,
    );
  }

  async #contentAt(part: StoredChunk): Promise<Buffer | undefined> {
    // A reader would keep the packs of a local repository open, and nobody closes this one.
    if (this.target.dir === undefined || this.envelope) return this.#packs.content(part);
    const frame = await this.target.get(packKey(part.pack), part);
    const content = frame && decompress(frame, part.size);
    return content && chunkId(content) === part.sha256 ? content : undefined;
  }

  async #encrypt(content: Buffer): Promise<Buffer> {
    return this.envelope ? this.envelope.encryption.encrypt(content) : content;
  }
}

const damaged = (url: string, code: `E_${string}`, message: string, cause?: unknown): ToolError =>
  new ToolError({
    code,
    message: `${url}: ${message}`,
    hint: `agh-backup verify --all --repo ${url}`,
    exit: EXIT.place,
    cause,
  });

function fail(error: ToolError): never {
  throw error;
}
