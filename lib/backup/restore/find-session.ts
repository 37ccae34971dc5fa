// Which sessions a snapshot holds, and how far their events go there.
import { compareLines, decodeListingLine, decodePage, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readPageRefs } from "../../formats/repository/snapshots.ts";
import { openPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { asPartial, ToolError, usageError } from "../../records/error.ts";
import { loadSource } from "../../sources/runtimes.ts";
import { isNamedBy } from "../../sources/selection.ts";
import type { SessionLayout, Source } from "../../sources/source.ts";

export interface SnapshotSessions {
  /** The full id that a word names; undefined when it holds no such session. Ambiguous → exit 2. */
  find(word: string): Promise<string | undefined>;
  /** `last_sequence` of a session's events; null where it is not known, undefined where the session is not in it. */
  lastSequence(id: string): Promise<number | null | undefined>;
}

/** By names alone where sessions have files of their own; else by the database, which is read. */
export async function listSnapshotSessions(
  repo: Repository,
  manifest: Manifest,
  deps: Deps,
): Promise<SnapshotSessions> {
  const source = await loadSource(manifest.runtime);
  const { sessionLayout } = source;
  return sessionLayout ? new ListedSessions(repo, manifest, source, sessionLayout) : readSessions(repo, manifest, deps);
}

class ListedSessions implements SnapshotSessions {
  readonly #repo: Repository;
  readonly #manifest: Manifest;
  readonly #source: Pick<Source, "classify">;
  readonly #layout: SessionLayout;

  constructor(repo: Repository, manifest: Manifest, source: Pick<Source, "classify">, layout: SessionLayout) {
    this.#repo = repo;
    this.#manifest = manifest;
    this.#source = source;
    this.#layout = layout;
  }

  async find(word: string): Promise<string | undefined> {
    for await (const _ of this.#lines(word)) return word;
    const found = new Set<string>();
    for (const { sha256 } of await readPageRefs(this.#repo, this.#manifest)) {
      for (const text of decodePage(await this.#repo.chunk(sha256))) {
        const path = HOME_PATH.exec(text)?.[1];
        const id = path === undefined ? undefined : this.#layout.idOf(path);
        if (id !== undefined && isNamedBy(word, id)) found.add(id);
      }
    }
    return onlyOne(word, [...found]);
  }

  async lastSequence(id: string): Promise<number | null | undefined> {
    let found: null | undefined;
    for await (const { root, path, database } of this.#lines(id)) {
      if (database && this.#source.classify(root, path, "file").database) return database.last_sequence;
      found = null;
    }
    return found;
  }

  /** Those at a session's top and below: pages are in order, so few are read. */
  async *#lines(id: string): AsyncGenerator<ListingLine> {
    const top = this.#layout.top(id);
    if (top === undefined) return;
    const refs = await readPageRefs(this.#repo, this.#manifest);
    const first = refs.findLastIndex((ref) => compareLines(ref, { root: "home", path: top }) <= 0);
    for (const { sha256 } of first < 0 ? [] : refs.slice(first)) {
      for (const line of decodePage(await this.#repo.chunk(sha256)).map(decodeListingLine)) {
        if (line.root === "home" && (line.path === top || line.path.startsWith(`${top}/`))) yield line;
        else if (compareLines(line, { root: "home", path: top }) > 0) return;
      }
    }
  }
}

/** Names with an escape in them are no ids. */
const HOME_PATH = /^\{"root":"home","path":"([^"\\]+)",/;

function onlyOne(word: string, ids: readonly string[]): string | undefined {
  if (ids.length < 2) return ids[0];
  throw usageError(`'${word}' matches more than one session`, ids.slice(0, 5).join(", "));
}

/** A database that cannot be read is a problem (3). */
async function readSessions(
  repo: Repository,
  { id: snapshot, runtime }: Manifest,
  deps: Deps,
): Promise<SnapshotSessions> {
  const sequences = new Map<string, number | null>();
  try {
    using place = await openPlace(`backup:${repo.url}@${snapshot}`, { runtime }, deps);
    for await (const { id, last_sequence = null } of place.source.sessions(place.home, { lastEvents: true }, deps)) {
      sequences.set(id, last_sequence);
    }
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error, `${snapshot}: `));
  }
  return {
    find: async (word) =>
      sequences.has(word)
        ? word
        : onlyOne(
            word,
            [...sequences.keys()].filter((id) => isNamedBy(word, id)),
          ),
    lastSequence: async (id) => sequences.get(id),
  };
}
