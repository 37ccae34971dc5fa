// Which paths of a snapshot a restore is about: all, some classes, or one session with what belongs to it.
import { sessionScope } from "../../custody/snapshot-parts.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal, usageError } from "../../records/error.ts";
import { loadSource } from "../../sources/runtimes.ts";
import { assertClasses } from "../classes.ts";
import { listSnapshotSessions } from "./find-session.ts";

export interface RestoreSelection {
  /** Only these classes. */
  readonly only: readonly string[];
  /** Only this session: a full id, or a unique prefix. */
  readonly session?: string | undefined;
}

/** Whether a path is asked for; undefined for all. */
export type RestoreScope = ((line: ListingLine) => boolean) | undefined;

/** What goes into a new directory. An unknown class or session, or both of them → exit 2; a session of rows → 4. */
export async function resolveRestoreScope(
  repo: Repository,
  manifest: Manifest,
  selection: RestoreSelection,
  deps: Deps,
): Promise<RestoreScope> {
  const { session } = selection;
  assertOneSelection(selection);
  if (session === undefined) return resolveClassScope(selection);
  const { runtime } = manifest;
  const { sessionLayout } = await loadSource(runtime);
  if (!sessionLayout) {
    const message = `sessions of ${runtime} are rows of one database: a single session can only be restored into an existing home`;
    throw refusal("E_CANNOT", message, `--session ${session} --into HOME`);
  }
  return sessionScope(sessionLayout, await findSession(repo, manifest, session, deps));
}

export function assertOneSelection({ only, session }: RestoreSelection): void {
  if (only.length > 0 && session !== undefined) throw usageError("--only and --session exclude each other");
}

/** Throws (2) for an unknown class. */
export function resolveClassScope({ only }: Pick<RestoreSelection, "only">): RestoreScope {
  if (only.length === 0) return undefined;
  assertClasses({ include: only, exclude: [] });
  const classes = new Set(only);
  return ({ class: of }) => classes.has(of);
}

/** The full id of a session in a snapshot that is known by names. None → exit 2. */
export async function findSession(repo: Repository, manifest: Manifest, word: string, deps: Deps): Promise<string> {
  const id = await (await listSnapshotSessions(repo, manifest, deps)).find(word);
  if (id !== undefined) return id;
  const hint = `agh-backup list --session ${word} --repo ${repo.url}`;
  throw usageError(`snapshot ${manifest.id} holds no session '${word}'`, hint);
}
