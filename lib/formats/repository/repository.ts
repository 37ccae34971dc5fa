// A repository: what it says of itself, where its chunks lie, and their content, encrypted or not.
import type { Deps } from "../../records/deps.ts";
import { EXIT, placeError, ToolError } from "../../records/error.ts";
import { targetOf, type Target } from "../../targets/target.ts";
import { chunkId, decompress } from "./chunk.ts";
import { ChunkIndex, decodeIndex, encodeIndex, type PackLine } from "./chunk-index.ts";
import { openEnvelope, identityNeeded, type Envelope } from "./encryption.ts";
import { indexKey, INDEXES, nameIn, packKey, PACKS, PAGES, REPOSITORY_KEY, snapshotKey } from "./layout.ts";
import { REPOSITORY_FORMAT } from "./manifest.ts";
import { PackReader, type StoredChunk } from "./pack-reader.ts";
import { RepositoryCache } from "./repository-cache.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";

export interface RepositoryFile {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly created_at: string;
  readonly encryption: null | { readonly age: readonly string[] };
}

export const encodeRepository = (file: RepositoryFile): Buffer => encodeSealed(file).bytes;

/** Undefined when it is not what was written, or nothing that init would write. */
export function decodeRepository(bytes: Buffer): RepositoryFile | undefined {
  const file = decodeSealed(bytes) as unknown as RepositoryFile | undefined;
  return file && isRepositoryFile(file) ? file : undefined;
}

/** A digest can be made by anybody who may write to the repository. */
const isRepositoryFile = ({ format, id, encryption }: RepositoryFile): boolean =>
  Number.isSafeInteger(format) && format > 0 && typeof id === "string" && (encryption === null || isAge(encryption));

const isAge = (encryption: NonNullable<RepositoryFile["encryption"]>): boolean =>
  Array.isArray(encryption?.age) && encryption.age.every((recipient) => typeof recipient === "string");

/** What an encrypted repository is opened with. */
export interface RepositoryOptions {
  /** AGH_BACKUP_IDENTITY names the identity file; XDG_CACHE_HOME or HOME says where the cache lies. */
  readonly env?: Deps["env"];
}

/** Opens what `init` made. Missing, damaged or of a later format → exit 6; another repository's identity → E_IDENTITY (6). */
export async function openRepository(url: string, opening: RepositoryOptions = {}): Promise<Repository> {
  const target = targetOf(url);
  const file = decodeRepository(await readRepositoryFile(target));
  if (!file) {
    throw placeError(
      "E_REPOSITORY_DAMAGED",
      `${target.url}/${REPOSITORY_KEY} is damaged`,
      `agh-backup verify --all --repo ${target.url}`,
    );
  }
  return openWithFile(target, file, opening);
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
  if (file.format > REPOSITORY_FORMAT) {
    throw placeError(
      "E_FORMAT_UNKNOWN",
      `${target.url} has format ${file.format}; this version reads up to ${REPOSITORY_FORMAT}`,
      "use a newer version",
    );
  }
  if (!file.encryption) return new Repository(target, file);
  const envelope = await openEnvelope({ url: target.url, recipients: file.encryption.age }, identityFileFrom(env));
  return new Repository(target, file, { envelope, cache: RepositoryCache.of(file.id, env) });
}

/** The identity file that an environment names. */
export const identityFileFrom = (env: Deps["env"]): string | undefined =>
  env["AGH_BACKUP_IDENTITY"]?.trim() || undefined;

interface Secret {
  readonly envelope: Envelope;
  readonly cache: RepositoryCache | undefined;
}

export class Repository {
  readonly target: Target;
  readonly file: RepositoryFile;
  /** Undefined when it is not encrypted. */
  readonly envelope: Envelope | undefined;
  /** What is known without an identity, where it is encrypted. */
  readonly cache: RepositoryCache | undefined;
  #packs: PackReader;
  #index: Promise<{ readonly index: ChunkIndex; readonly missing: ReadonlySet<string> }> | undefined;

  constructor(target: Target, file: RepositoryFile, secret?: Secret) {
    this.target = target;
    this.file = file;
    this.envelope = secret?.envelope;
    this.cache = secret?.cache;
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

  /**
   * Where all chunks lie; read at the first call. A damaged index → exit 6. Of a locked repository only what the cache
   * knows: what another machine has stored is missing.
   */
  async index(): Promise<ChunkIndex> {
    return (await (this.#index ??= readIndexes(this))).index;
  }

  /** Packs that an index names and that are not there; fails as `index`. */
  async missingPacks(): Promise<ReadonlySet<string>> {
    return (await (this.#index ??= readIndexes(this))).missing;
  }

  /** Goes by an index that was read already. */
  useIndex(index: ChunkIndex): void {
    this.#index = Promise.resolve({ index, missing: new Set() });
  }

  /** A manifest's or an index's content, decrypted; undefined when there is none. Locked and not cached → exit 4. */
  async read(key: string): Promise<Buffer | undefined> {
    if (this.isLocked) return this.cache?.read(key) ?? fail(identityNeeded(this.url));
    const bytes = await this.target.get(key);
    return bytes && this.open(bytes, key);
  }

  /** The lines of an index file; undefined when it is gone, or locked and not cached. Damaged → exit 6. */
  async indexLines(key: string): Promise<readonly PackLine[] | undefined> {
    try {
      const content = this.isLocked ? this.cache?.read(key) : await this.read(key);
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

  /** Makes a snapshot visible. There is one of this id → E_EXISTS (6). */
  async putManifest(id: string, content: Buffer): Promise<void> {
    await this.target.put(snapshotKey(id), await this.#encrypt(content), { exclusive: true });
    this.cache?.write(snapshotKey(id), content);
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

/** What an index says of a pack that is missing counts for nothing: its chunks may be in another one as well. */
async function readIndexes(repo: Repository): Promise<{ index: ChunkIndex; missing: ReadonlySet<string> }> {
  const index = await readIndexesWithout(repo, new Set());
  // Packs after indexes: what is put meanwhile is there before an index names it.
  const missing = new Set(index.packs);
  for await (const { key } of repo.target.list(PACKS)) missing.delete(nameIn(key));
  return { index: missing.size === 0 ? index : await readIndexesWithout(repo, missing), missing };
}

async function readIndexesWithout(repo: Repository, missing: ReadonlySet<string>): Promise<ChunkIndex> {
  const index = new ChunkIndex();
  for await (const { lines } of readIndexFiles(repo)) {
    for (const line of lines) if (!missing.has(line.pack)) index.addPack(line);
  }
  return index;
}

export interface IndexFile {
  readonly key: string;
  readonly lines: readonly PackLine[];
}

/** Every index file that can be read, whatever other runs merge meanwhile. A damaged one → exit 6. */
export async function* readIndexFiles(repo: Repository): AsyncGenerator<IndexFile> {
  const seen = new Set<string>();
  for (let isMissing = true; isMissing;) {
    isMissing = false;
    for await (const { key } of repo.target.list(INDEXES)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const lines = await repo.indexLines(key);
      if (lines) yield { key, lines };
      else isMissing ||= !repo.isLocked; // merged by another run: what holds its lines now shows at the next look
    }
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
