// Whether a snapshot holds a session, and how far its events go there.
import { decodeLine, decodePage, compareLines, type Line } from "../formats/listing.ts";
import type { Manifest } from "../formats/manifest.ts";
import type { Repository } from "../formats/repository.ts";
import { pageRefs } from "../formats/snapshots.ts";
import { usageError } from "../records/error.ts";
import { EVENTS, isId } from "../sources/agh/layout.ts";

/** A full id, or a prefix of 4 or more characters of the part after the first `-`, as a test of ids. Else → exit 2. */
export function sessionTest(word: string): (id: string) => boolean {
  if (!isId(word)) throw usageError(`'${word}' is no id of a session`);
  const prefix = word.includes("-") ? word.slice(word.indexOf("-") + 1) : word;
  return (id) => id === word || (prefix.length >= 4 && id.slice(id.indexOf("-") + 1).startsWith(prefix));
}

/** The full id that a word names in a snapshot; undefined when it holds no such session. Ambiguous → exit 2. */
export async function sessionIn(repo: Repository, manifest: Manifest, word: string): Promise<string | undefined> {
  if (await lineOf(repo, manifest, sessionPath(word))) return word;
  const matches = sessionTest(word);
  const found = new Set<string>();
  for (const { sha256 } of await pageRefs(repo, manifest)) {
    for (const text of decodePage(await repo.chunk(sha256))) {
      const id = /^\{"root":"home","path":"sessions\/([A-Za-z0-9._-]+)",/.exec(text)?.[1];
      if (id !== undefined && matches(id)) found.add(id);
    }
  }
  if (found.size > 1) throw usageError(`more than one session is called '${word}'`, [...found].slice(0, 5).join(", "));
  return [...found][0];
}

export const sessionPath = (id: string): string => `sessions/${id}`;

/** `last_sequence` of a session's events; null where it is not known, undefined where the session is not in it. */
export async function lastSequenceIn(
  repo: Repository,
  manifest: Manifest,
  id: string,
): Promise<number | null | undefined> {
  const line = await lineOf(repo, manifest, `${sessionPath(id)}/${EVENTS}`);
  if (line) return line.database?.last_sequence ?? null;
  return (await lineOf(repo, manifest, sessionPath(id))) ? null : undefined;
}

/** A path of the home: pages are in order, so only one is read. */
async function lineOf(repo: Repository, manifest: Manifest, path: string): Promise<Line | undefined> {
  const wanted = { root: "home", path };
  const page = (await pageRefs(repo, manifest)).findLast((ref) => compareLines(ref, wanted) <= 0);
  if (!page) return undefined;
  const lines = decodePage(await repo.chunk(page.sha256)).map(decodeLine);
  return lines.find((line) => line.root === "home" && line.path === path);
}
