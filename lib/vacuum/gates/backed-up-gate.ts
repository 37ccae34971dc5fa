// Whether a snapshot of this home holds a session as it lies here, byte for byte.
import { hashFile } from "../../files/hash-file.ts";
import { listDrills } from "../../formats/repository/drill-result.ts";
import { chunksNeeded, chunksOf, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import { openRepository, type Repository } from "../../formats/repository/repository.ts";
import { PARTS } from "../../formats/archive/receipt.ts";
import { readListing, listManifests, resolveSnapshot } from "../../formats/repository/snapshots.ts";
import { EXIT, ToolError, usageError } from "../../records/error.ts";
import { directoryNameOf, ownFiles, type LocalSession } from "../local-session.ts";
import type { GateResult, Gate, GateContext, GateProof } from "./gates.ts";
import type { ArchiveInput } from "../../places/session-parts.ts";

/** No repository → 2; one that cannot be opened → 6; an encrypted one without identity → 4. */
export async function backedUpGate({ home, repo: url, deps }: GateContext): Promise<Gate> {
  if (url === undefined)
    throw usageError("--require backed-up needs a repository", "--repo REPO, or set AGH_BACKUP_REPO");
  const repo = await openRepository(url, { env: deps.env });
  repo.requireIdentity();
  const listings = new Listings(repo, home.id, (error) => deps.log.problem(partial(error)));
  return {
    check: async (session) => {
      for await (const { manifest, lines } of listings.newestFirst()) {
        const missing = missingIn(lines, session, isLikely);
        if (missing === undefined) return { proof: { snapshot: { repo: repo.url, id: manifest.id } } };
      }
      return { refused: `no good snapshot in ${repo.url} holds it as it is: agh-backup create --repo ${repo.url}` };
    },
    verify: (session, proof) => verify(session, proof, { repo, listings }),
  };
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

/** Snapshots of this home, read when they are needed, newest first, without those whose last drill has failed. */
class Listings {
  #repo: Repository;
  #homeId: string;
  #problem: (error: ToolError) => void;
  #read: Listing[] = [];
  #rest: AsyncGenerator<Manifest> | undefined;

  constructor(repo: Repository, homeId: string, problem: (error: ToolError) => void) {
    this.#repo = repo;
    this.#homeId = homeId;
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
    const listing = { manifest: value, lines: await sessionLines(this.#repo, value) };
    this.#read.push(listing);
    return listing;
  }

  async *#good(): AsyncGenerator<Manifest> {
    const last = new Map<string, string>();
    for await (const { snapshot, verdict } of listDrills(this.#repo, this.#problem)) {
      if (!last.has(snapshot)) last.set(snapshot, verdict);
    }
    for await (const manifest of listManifests(this.#repo, { homeId: this.#homeId }, this.#problem)) {
      if (last.get(manifest.id) !== "failed") yield manifest;
    }
  }
}

const keyOf = (root: string, path: string): string => `${root}\0${path}`;

async function sessionLines(repo: Repository, manifest: Manifest): Promise<ReadonlyMap<string, ListingLine>> {
  const found = new Map<string, ListingLine>();
  for await (const line of readListing(repo, manifest)) {
    const isSessionFile = line.root === "ledgers" || (line.root === "home" && line.path.startsWith("sessions/"));
    if (isSessionFile && line.type === "file") found.set(keyOf(line.root, line.path), line);
  }
  return found;
}

/** The line of each file; undefined where the snapshot has none. Ledgers may lie in the home or outside it. */
function lineOf(lines: Listing["lines"], session: LocalSession, { path }: ArchiveInput): ListingLine | undefined {
  if (path.startsWith(`${PARTS.session}/`)) {
    return lines.get(keyOf("home", `sessions/${directoryNameOf(session)}${path.slice(PARTS.session.length)}`));
  }
  const below = `${session.partition}/${session.id}${path.slice(PARTS.ledger.length)}`;
  return lines.get(keyOf("home", `sessions/${below}`)) ?? lines.get(keyOf("ledgers", below));
}

type Same = (line: ListingLine, file: ArchiveInput) => boolean;

const isLikely: Same = ({ mtime_ns, sha256 }, { from, found: { stat } }) =>
  mtime_ns === String(stat.mtimeNs) || sha256 === hashFile(from);
const isCertain: Same = ({ sha256 }, { from, found: { stat } }) =>
  sha256 === hashFile(from) || (sha256 === undefined && stat.size === 0n);

/** The first file that the snapshot does not hold as it is; undefined when it holds all. */
function missingIn(lines: Listing["lines"], session: LocalSession, same: Same): string | undefined {
  for (const file of ownFiles(session)) {
    const line = lineOf(lines, session, file);
    const holds =
      line && line.database?.wal === undefined && line.size === Number(file.found.stat.size) && same(line, file);
    if (!holds) return file.path;
  }
  return undefined;
}

async function verify(
  session: LocalSession,
  { snapshot }: GateProof,
  { repo, listings }: { readonly repo: Repository; readonly listings: Listings },
): Promise<GateResult> {
  if (!snapshot) return { refused: "the plan does not name a snapshot that holds it" };
  for await (const { manifest, lines } of listings.newestFirst()) {
    if (manifest.id !== snapshot.id) continue;
    const missing = missingIn(lines, session, isCertain);
    if (missing !== undefined) return { refused: `snapshot ${snapshot.id} does not hold its ${missing} as it is now` };
    const reason = await unreadable(repo, session, lines);
    return reason === undefined ? { proof: { snapshot } } : { refused: reason };
  }
  await resolveSnapshot(repo, snapshot.id); // gone or damaged: says so
  return { refused: `snapshot ${snapshot.id} is no longer one of the ${NEWEST} newest good snapshots of this home` };
}

/** Reads every chunk that brings the session back. */
async function unreadable(
  repo: Repository,
  session: LocalSession,
  lines: Listing["lines"],
): Promise<string | undefined> {
  try {
    for (const file of ownFiles(session)) {
      const line = lineOf(lines, session, file)!;
      await repo.expect(chunksOf(line));
      for (const chunk of chunksNeeded(line)) await repo.chunk(chunk);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError) || !error.code.startsWith("E_CHUNK_")) throw error;
    return `${error.message}: agh-backup verify --level full --repo ${repo.url}`;
  }
}
