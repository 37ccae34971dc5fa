// Whether a repository is what this machine knows, and, where its key is known, whether everything in it was signed by it.
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { changesSince, readKnown } from "../../formats/repository/authorship/pins.ts";
import type { Authorship } from "../../formats/repository/authorship/authorship.ts";
import type { HeadLog } from "../../formats/repository/authorship/head-log.ts";
import {
  ACCEPTED,
  DRILLS,
  INDEXES,
  nameIn,
  REPOSITORY_KEY,
  signatureKey,
  snapshotKey,
  SNAPSHOTS,
} from "../../formats/repository/layout.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { withoutGivenUp } from "../../formats/repository/snapshots.ts";
import { isUlid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";

/** `all`: also whether anything is there that no run of this toolkit has put there. */
export async function* checkAuthorship(repo: Repository, all: boolean, { env }: Deps): AsyncGenerator<Finding> {
  const changes = repo.file.id === "" ? [] : changesSince(readKnown(repo.target, repo.file, env), repo.file);
  for (const change of changes) yield fault("REPOSITORY_CHANGED", REPOSITORY_KEY, `is not what it was: it ${change}`);
  if (!repo.authorship) return;
  const unsigned = repo.authorshipFault();
  if (unsigned !== undefined) yield fault("REPOSITORY_FORGED", REPOSITORY_KEY, unsigned);
  yield* new AuthorshipCheck(repo, repo.authorship).faults();
  if (!all) return;
  yield* findUnknownFiles(repo);
  yield* findRedundantIndexes(repo);
}

const BY_STATE = { unsigned: "has no signature", forged: "is not what the repository's key has signed" } as const;

class AuthorshipCheck {
  readonly #repo: Repository;
  readonly #author: Authorship;
  /** Digests of the manifests that are there, and signed. */
  readonly #digests = new Map<string, string>();

  constructor(repo: Repository, author: Authorship) {
    this.#repo = repo;
    this.#author = author;
  }

  async *faults(): AsyncGenerator<Finding> {
    // Snapshots before the log: what is added or pruned meanwhile shows in the log.
    const ids = yield* this.#checkManifests();
    const { log, faults } = await this.#author.readFaults();
    for (const { code, key, message } of faults) yield fault(code, key, message);
    // A log that is damaged says of nothing that it will come.
    const found = faults.length > 0 ? differences(ids, this.#digests, log) : await this.#settled(ids, log);
    const vanished = found.filter(({ code }) => code === "SNAPSHOT_VANISHED").map(({ id }) => id);
    const missed = new Set(vanished.length === 0 ? [] : await withoutGivenUp(this.#repo, vanished));
    for (const { code, id, message } of found)
      if (code !== "SNAPSHOT_VANISHED" || missed.has(id)) yield fault(code, snapshotKey(id), message);
    yield* this.#checkSmall(ACCEPTED, "ACCEPTANCE", "error");
    yield* this.#checkSmall(DRILLS, "DRILL", "info");
  }

  /** A create may be about to log its snapshot, and a prune to delete one: what differs is looked at again before it is a fault. */
  async #settled(ids: ReadonlySet<string>, first: HeadLog): Promise<readonly Difference[]> {
    let found = differences(ids, this.#digests, first);
    for (let tries = 0; tries < TRIES && found.length > 0; tries++) {
      if (tries > 0 && !found.some(({ code }) => PASSING.has(code))) break;
      if (tries > 0) await sleep(TRY_MS);
      const present = new Set(ids);
      for (const { id } of found) {
        if (await this.#repo.target.head(snapshotKey(id))) present.add(id);
        else present.delete(id);
      }
      found = differences(present, this.#digests, (await this.#author.readFaults()).log);
    }
    return found;
  }

  /** Returns the ids of all that are there. */
  async *#checkManifests(): AsyncGenerator<Finding, Set<string>> {
    const ids = new Set<string>();
    const signatures: string[] = [];
    for await (const { key } of this.#repo.target.list(SNAPSHOTS)) {
      if (key.endsWith(".sig")) signatures.push(key);
      if (!isUlid(nameIn(key)) || key !== snapshotKey(nameIn(key))) continue;
      const id = nameIn(key);
      ids.add(id);
      const bytes = await this.#repo.target.get(key);
      const state = bytes && (await this.#author.signatureOf(key, bytes));
      if (state === "signed") this.#digests.set(id, hash("sha256", bytes!));
      else if (state && (await this.#repo.target.head(key))) {
        yield fault(`SNAPSHOT_${state.toUpperCase()}`, key, BY_STATE[state]);
      }
    }
    const keys = new Set([...ids].map((id) => signatureKey(snapshotKey(id))));
    for (const key of signatures) {
      if (keys.has(key) || !(await this.#isAlone(key))) continue;
      yield { ...fault("SIGNATURE_ORPHANED", key, "signs nothing: a killed run left it"), severity: "info" };
    }
    return ids;
  }

  /** Small objects beside the snapshots; `severity` is that of one without a signature. */
  async *#checkSmall(prefix: string, what: string, severity: Finding["severity"]): AsyncGenerator<Finding> {
    const keys: string[] = [];
    for await (const { key } of this.#repo.target.list(prefix)) keys.push(key);
    for (const key of keys.filter((each) => each.endsWith(".json"))) {
      const bytes = await this.#repo.target.get(key);
      const state = bytes ? await this.#author.signatureOf(key, bytes) : "signed";
      if (state === "unsigned") yield { ...fault(`${what}_UNSIGNED`, key, BY_STATE.unsigned), severity };
      else if (state === "forged") yield fault(`${what}_FORGED`, key, BY_STATE.forged);
    }
    const existing = new Set(keys);
    for (const key of keys.filter((each) => each.endsWith(".sig"))) {
      if (existing.has(key.replace(/\.sig$/, ".json"))) continue;
      yield { ...fault("SIGNATURE_ORPHANED", key, "signs nothing that is there"), severity: "info" };
    }
  }

  async #isAlone(key: string): Promise<boolean> {
    const { target } = this.#repo;
    return (await target.head(key.replace(/\.sig$/, ".json"))) === undefined && (await target.head(key)) !== undefined;
  }
}

const TRIES = 6;
const TRY_MS = 200;
/** What a run leaves behind between two of its steps. */
const PASSING: ReadonlySet<string> = new Set(["SNAPSHOT_UNLOGGED", "SNAPSHOT_REPLAYED"]);

interface Difference {
  readonly code: string;
  readonly id: string;
  readonly message: string;
}

/** In what the snapshots that are there are not those of the log; `digests` are those that are signed. */
function differences(ids: ReadonlySet<string>, digests: ReadonlyMap<string, string>, log: HeadLog): Difference[] {
  const found: Difference[] = [];
  for (const [id, digest] of digests) {
    const logged = log.live.get(id);
    if (logged === digest || !ids.has(id)) continue;
    if (logged !== undefined) found.push({ code: "SNAPSHOT_REPLACED", id, message: "is another one than was added" });
    else if (log.pruned.has(id)) found.push({ code: "SNAPSHOT_REPLAYED", id, message: "was pruned, and is there" });
    else found.push({ code: "SNAPSHOT_UNLOGGED", id, message: UNLOGGED });
  }
  for (const id of log.live.keys()) if (!ids.has(id)) found.push({ code: "SNAPSHOT_VANISHED", id, message: VANISHED });
  return found;
}

const UNLOGGED = "is signed, and no head covers it: a create was killed (the next one logs it), or heads were removed";
const VANISHED = "was added, was never pruned, and is missing";

const ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}";
const KNOWN_KEYS = new RegExp(
  `^(?:${[
    "repository\\.json",
    "lock\\.db",
    "packs/([0-9a-f]{2})/\\1[0-9a-f]{62}\\.pack",
    "indexes/[0-9a-f]{64}\\.jsonl\\.zst",
    `(?:snapshots|accepted|drills)/${ULID}\\.(?:json|sig)`,
    `(?:marks|locks|pruned)/${ULID}\\.json`,
    "heads/\\d{10,}\\.note",
  ].join("|")})$`,
);

/** Nobody reads them, so nothing else would find them. */
async function* findUnknownFiles({ target }: Repository): AsyncGenerator<Finding> {
  for await (const { key } of target.list("")) {
    if (!KNOWN_KEYS.test(key)) yield fault("FILE_UNKNOWN", key, "does not belong to a repository");
  }
}

/** An index that was merged into another one and came back names nothing that the others do not. */
async function* findRedundantIndexes(repo: Repository): AsyncGenerator<Finding> {
  const packs = new Map<string, readonly string[]>();
  for await (const { key } of repo.target.list(INDEXES)) packs.set(key, await packsIn(repo, key));
  const uses = new Map<string, number>();
  for (const pack of [...packs.values()].flat()) uses.set(pack, (uses.get(pack) ?? 0) + 1);
  for (const [key, named] of packs) {
    if (!named.every((pack) => uses.get(pack)! > 1)) continue;
    const message = "names no pack that no other index names: a merge was interrupted";
    yield { ...fault("INDEX_REDUNDANT", key, message), severity: "info" };
  }
}

/** A damaged one is found by who reads the chunks. */
async function packsIn(repo: Repository, key: string): Promise<readonly string[]> {
  try {
    return (await repo.indexLines(key))?.map(({ pack }) => pack) ?? [];
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return [];
  }
}

function fault(code: string, id: string, message: string): Finding {
  return { kind: "finding", id, code, severity: "error", message: `${id} ${message}`, evidence: {} };
}
