// Whether a snapshot holds a session, and how far its events go there.
import { decodeListingLine, decodePage, compareLines, type ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readPageRefs } from "../../formats/repository/snapshots.ts";
import { usageError } from "../../records/error.ts";
import { EVENTS, isId } from "../../sources/agh/home/layout.ts";

/** A full id, or a prefix of 4 or more characters of the part after the first `-`, as a test of ids. Else → exit 2. */
export function sessionMatcher(word: string): (id: string) => boolean {
  if (!isId(word)) throw usageError(`'${word}' is not a session id`);
  const prefix = word.includes("-") ? word.slice(word.indexOf("-") + 1) : word;
  return (id) => id === word || (prefix.length >= 4 && id.slice(id.indexOf("-") + 1).startsWith(prefix));
}

/** The full id that a word names in a snapshot; undefined when it holds no such session. Ambiguous → exit 2. */
export async function findSession(repo: Repository, manifest: Manifest, word: string): Promise<string | undefined> {
  if (await findLine(repo, manifest, sessionPath(word))) return word;
  const matches = sessionMatcher(word);
  const found = new Set<string>();
  for (const { sha256 } of await readPageRefs(repo, manifest)) {
    for (const text of decodePage(await repo.chunk(sha256))) {
      const id = /^\{"root":"home","path":"sessions\/([A-Za-z0-9._-]+)",/.exec(text)?.[1];
      if (id !== undefined && matches(id)) found.add(id);
    }
  }
  if (found.size > 1) throw usageError(`'${word}' matches more than one session`, [...found].slice(0, 5).join(", "));
  return [...found][0];
}

export const sessionPath = (id: string): string => `sessions/${id}`;

/** `last_sequence` of a session's events; null where it is not known, undefined where the session is not in it. */
export async function readLastSequence(
  repo: Repository,
  manifest: Manifest,
  id: string,
): Promise<number | null | undefined> {
  const line = await findLine(repo, manifest, `${sessionPath(id)}/${EVENTS}`);
  if (line) return line.database?.last_sequence ?? null;
  return (await findLine(repo, manifest, sessionPath(id))) ? null : undefined;
}

/** A path of the home: pages are in order, so only one is read. */
async function findLine(repo: Repository, manifest: Manifest, path: string): Promise<ListingLine | undefined> {
  const key = { root: "home", path };
  const page = (await readPageRefs(repo, manifest)).findLast((ref) => compareLines(ref, key) <= 0);
  if (!page) return undefined;
  const lines = decodePage(await repo.chunk(page.sha256)).map(decodeListingLine);
  return lines.find((line) => line.root === "home" && line.path === path);
}
