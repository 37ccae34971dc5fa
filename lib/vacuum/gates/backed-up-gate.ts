// Whether a snapshot of this home holds a session as it lies here, byte for byte.
import { hashFile } from "../../files/hash-file.ts";
import { chunksNeeded, chunksOf, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { SnapshotStates } from "../../formats/repository/snapshot-state.ts";
import { readListing, listManifests, resolveSnapshot } from "../../formats/repository/snapshots.ts";
import { EXIT, ToolError, usageError } from "../../records/error.ts";
import type { LocalSession, OwnPath } from "../../sources/custody.ts";
import { movablePaths } from "../../sources/own-trees.ts";
import type { Root, Source } from "../../sources/source.ts";
import { withoutProblems } from "../../records/deps.ts";
import type { GateResult, Gate, GateContext, GateProof } from "./gates.ts";

/** No repository → 2; one that cannot be opened → 6; an encrypted one without identity → 4. */
export async function backedUpGate({ custody, source, repo: url, deps }: GateContext): Promise<Gate> {
  if (url === undefined)
    throw usageError("--require backed-up needs a repository", "--repo REPO, or set AGH_BACKUP_REPO");
  const repo = await openRepository(url, { env: deps.env });
  repo.requireIdentity();
  const { home } = custody;
  const listings = new Listings({ repo, source, homeId: home.id }, (error) => deps.log.problem(partial(error)));
  const roots = await source.roots(home, withoutProblems(deps));
  const filesOf = (local: LocalSession): SessionFile[] | undefined => listFiles(local, roots);
  return {
    check: async (local) => {
      const files = filesOf(local);
      if (!files) return ROWS;
      for await (const { manifest, lines } of listings.newestFirst()) {
        const missing = missingIn(lines, files.filter(isCopied), isLikely);
        if (missing !== undefined) continue;
        const excluded = files.filter((file) => !isCopied(file));
        const lacks = excluded.filter((file) => missingIn(lines, [file], isCertain) !== undefined);
        return {
          proof: { snapshot: { repo: repo.url, id: manifest.id } },
          lacks: lacks.map(({ own }) => own.path),
        };
      }
      return { refused: `no good snapshot in ${repo.url} holds it as it is: agh-backup create --repo ${repo.url}` };
    },
    verify: async (local, proof) => {
      const files = filesOf(local);
      return files ? verifySnapshot(files, proof, { repo, listings }) : ROWS;
    },
  };
}

const ROWS: GateResult = { refused: "it consists of rows of a database, which a snapshot holds as a whole" };

/** A file of the session, and where a listing has it. */
interface SessionFile {
  readonly own: OwnPath;
  readonly key: string;
}

/** Whether a snapshot takes it in any case. */
const isCopied = ({ own }: SessionFile): boolean => own.excluded === undefined;

/** Undefined where rows go as well: a listing tells nothing of them. */
function listFiles(local: LocalSession, roots: readonly Root[]): SessionFile[] | undefined {
  if (Object.keys(local.rows).length > 0) return undefined;
  return movablePaths(local).flatMap((own) =>
    own.found.type === "file" ? [{ own, key: keyIn(own.from, roots) }] : [],
  );
}

function keyIn(path: string, roots: readonly Root[]): string {
  const around = roots.filter(({ dir }) => path.startsWith(`${dir}/`));
  const root = around.toSorted((a, b) => b.dir.length - a.dir.length)[0];
  return root ? keyOf(root.name, path.slice(root.dir.length + 1)) : keyOf("", path);
}

const partial = ({ code, message, hint }: ToolError): ToolError =>
  new ToolError({ code, message, hint, exit: EXIT.partial });

interface Listing {
  readonly manifest: Manifest;
  /** Of sessions and ledgers, by root and path. */
  readonly lines: ReadonlyMap<string, ListingLine>;
}

/** What lies here lies in the newest snapshot; an older one is asked where that one left something out. */
const NEWEST = 3;

interface ListingsOf {
  readonly repo: Repository;
  readonly source: Source;
  readonly homeId: string;
}

/** Snapshots of this home, read when they are needed, newest first, without suspect and bad ones. */
class Listings {
  #of: ListingsOf;
  #problem: (error: ToolError) => void;
  #read: Listing[] = [];
  #rest: AsyncGenerator<Manifest> | undefined;

  constructor(of: ListingsOf, problem: (error: ToolError) => void) {
    this.#of = of;
    this.#problem = problem;
  }

  async *newestFirst(): AsyncGenerator<Listing> {
    for (let at = 0; at < NEWEST; at++) {
      const listing = this.#read[at] ?? (await this.#next());
      if (!listing) return;
      yield listing;
    }
  }

  async #next(): Promise<Listing | undefined> {
    this.#rest ??= this.#good();
    const { value, done } = await this.#rest.next();
    if (done) return undefined;
    const listing = { manifest: value, lines: await sessionLines(this.#of, value) };
    this.#read.push(listing);
    return listing;
  }

  async *#good(): AsyncGenerator<Manifest> {
    const states = await SnapshotStates.read(this.#of.repo, this.#problem);
    for await (const manifest of listManifests(this.#of.repo, { homeId: this.#of.homeId }, this.#problem)) {
      if (states.isTrusted(manifest)) yield manifest;
    }
  }
}

const keyOf = (root: string, path: string): string => `${root}\0${path}`;

async function sessionLines(
  { repo, source }: ListingsOf,
  manifest: Manifest,
): Promise<ReadonlyMap<string, ListingLine>> {
  const found = new Map<string, ListingLine>();
  for await (const line of readListing(repo, manifest)) {
    const isSessionFile = line.type === "file" && source.classify(line.root, line.path, "file").scope === "session";
    if (isSessionFile) found.set(keyOf(line.root, line.path), line);
  }
  return found;
}

type Same = (line: ListingLine, file: OwnPath) => boolean;

const isLikely: Same = ({ mtime_ns, sha256 }, { from, found: { stat } }) =>
  mtime_ns === String(stat.mtimeNs) || sha256 === hashFile(from);
const isCertain: Same = ({ sha256 }, { from, found: { stat } }) =>
  sha256 === hashFile(from) || (sha256 === undefined && stat.size === 0n);

/** The first file that the snapshot does not hold as it is; undefined when it holds all. */
function missingIn(lines: Listing["lines"], files: readonly SessionFile[], same: Same): string | undefined {
  for (const { own, key } of files) {
    const line = lines.get(key);
    const holds =
      line && line.database?.wal === undefined && line.size === Number(own.found.stat.size) && same(line, own);
    if (!holds) return own.path;
  }
  return undefined;
}

interface Verifying {
  readonly repo: Repository;
  readonly listings: Listings;
}

async function verifySnapshot(
  all: readonly SessionFile[],
  { snapshot }: GateProof,
  { repo, listings }: Verifying,
): Promise<GateResult> {
  if (!snapshot) return { refused: "the plan does not name a snapshot that holds it" };
  const files = all.filter(isCopied);
  for await (const { manifest, lines } of listings.newestFirst()) {
    if (manifest.id !== snapshot.id) continue;
    const missing = missingIn(lines, files, isCertain);
    if (missing !== undefined) return { refused: `snapshot ${snapshot.id} does not hold its ${missing} as it is now` };
    const reason = await unreadableChunk(
      repo,
      files.map(({ key }) => lines.get(key)!),
    );
    return reason === undefined ? { proof: { snapshot } } : { refused: reason };
  }
  await resolveSnapshot(repo, snapshot.id); // missing or damaged: says so
  return { refused: `snapshot ${snapshot.id} is no longer one of the ${NEWEST} newest good snapshots of this home` };
}

/** Reads every chunk that brings the session back. */
async function unreadableChunk(repo: Repository, lines: readonly ListingLine[]): Promise<string | undefined> {
  try {
    for (const line of lines) {
      await repo.expect(chunksOf(line));
      for (const chunk of chunksNeeded(line)) await repo.chunk(chunk);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError) || !error.code.startsWith("E_CHUNK_")) throw error;
    return `${error.message}: agh-backup verify --level full --repo ${repo.url}`;
  }
}
