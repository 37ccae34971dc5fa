// Whether a snapshot of this home holds a session as it lies here, byte for byte.
import { digestOf } from "../files/digest.ts";
import { drillsOf } from "../formats/drill-result.ts";
import { chunksNeeded, chunksOf, type Line } from "../formats/listing.ts";
import type { Manifest } from "../formats/manifest.ts";
import { openRepository, type Repository } from "../formats/repository.ts";
import { PARTS } from "../formats/receipt.ts";
import { linesOf, newestFirst, resolveSnapshot } from "../formats/snapshots.ts";
import { EXIT, ToolError, usageError } from "../records/error.ts";
import { nameOf, ownFiles, type AtHand } from "./at-hand.ts";
import type { Answer, Gate, GateWorld, Proof } from "./gates.ts";
import type { Gathered } from "../places/session-parts.ts";

/** No repository → 2; one that cannot be opened → 6; an encrypted one without identity → 4. */
export async function backedUpGate({ home, repo: url, deps }: GateWorld): Promise<Gate> {
  if (url === undefined)
    throw usageError("which backup? --require backed-up needs a repository", "--repo REPO, or set AGH_BACKUP_REPO");
  const repo = await openRepository(url, { env: deps.env });
  repo.requireIdentity();
  const listings = new Listings(repo, home.id, (error) => deps.log.problem(partial(error)));
  return {
    look: async (session) => {
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
  readonly lines: ReadonlyMap<string, Line>;
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
    for await (const { snapshot, verdict } of drillsOf(this.#repo, this.#problem)) {
      if (!last.has(snapshot)) last.set(snapshot, verdict);
    }
    for await (const manifest of newestFirst(this.#repo, { homeId: this.#homeId }, this.#problem)) {
      if (last.get(manifest.id) !== "failed") yield manifest;
    }
  }
}

const keyOf = (root: string, path: string): string => `${root}\0${path}`;

async function sessionLines(repo: Repository, manifest: Manifest): Promise<ReadonlyMap<string, Line>> {
  const found = new Map<string, Line>();
  for await (const line of linesOf(repo, manifest)) {
    const isMeant = line.root === "ledgers" || (line.root === "home" && line.path.startsWith("sessions/"));
    if (isMeant && line.type === "file") found.set(keyOf(line.root, line.path), line);
  }
  return found;
}

/** The line of each file; undefined where the snapshot has none. Ledgers may lie in the home or outside it. */
function lineOf(lines: Listing["lines"], session: AtHand, { path }: Gathered): Line | undefined {
  if (path.startsWith(`${PARTS.session}/`)) {
    return lines.get(keyOf("home", `sessions/${nameOf(session)}${path.slice(PARTS.session.length)}`));
  }
  const below = `${session.partition}/${session.id}${path.slice(PARTS.ledger.length)}`;
  return lines.get(keyOf("home", `sessions/${below}`)) ?? lines.get(keyOf("ledgers", below));
}

type Same = (line: Line, file: Gathered) => boolean;

const isLikely: Same = ({ mtime_ns, sha256 }, { from, found: { stat } }) =>
  mtime_ns === String(stat.mtimeNs) || sha256 === digestOf(from);
const isCertain: Same = ({ sha256 }, { from, found: { stat } }) =>
  sha256 === digestOf(from) || (sha256 === undefined && stat.size === 0n);

/** The first file that the snapshot does not hold as it is; undefined when it holds all. */
function missingIn(lines: Listing["lines"], session: AtHand, same: Same): string | undefined {
  for (const file of ownFiles(session)) {
    const line = lineOf(lines, session, file);
    const holds =
      line && line.database?.wal === undefined && line.size === Number(file.found.stat.size) && same(line, file);
    if (!holds) return file.path;
  }
  return undefined;
}

async function verify(
  session: AtHand,
  { snapshot }: Proof,
  { repo, listings }: { readonly repo: Repository; readonly listings: Listings },
): Promise<Answer> {
  if (!snapshot) return { refused: "the plan names no snapshot that holds it" };
  for await (const { manifest, lines } of listings.newestFirst()) {
    if (manifest.id !== snapshot.id) continue;
    const missing = missingIn(lines, session, isCertain);
    if (missing !== undefined) return { refused: `snapshot ${snapshot.id} does not hold its ${missing} as it is now` };
    const trouble = await unreadable(repo, session, lines);
    return trouble === undefined ? { proof: { snapshot } } : { refused: trouble };
  }
  await resolveSnapshot(repo, snapshot.id); // gone or damaged: says so
  return { refused: `snapshot ${snapshot.id} is none of the ${NEWEST} newest good ones of this home any more` };
}

/** Reads every chunk that brings the session back. */
async function unreadable(repo: Repository, session: AtHand, lines: Listing["lines"]): Promise<string | undefined> {
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
