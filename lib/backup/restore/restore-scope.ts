// Which paths of a snapshot a restore is about: all, some classes, or one session with what belongs to it.
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { refusal, usageError } from "../../records/error.ts";
import { classesOf } from "../classes.ts";
import { findSession } from "./find-session.ts";

export interface RestoreSelection {
  /** Only these classes. */
  readonly only: readonly string[];
  /** Only this session: a full id, or a unique prefix. */
  readonly session?: string | undefined;
}

export interface RestoreScope {
  /** The session's full id. */
  readonly session: string | undefined;
  /** Undefined for all. */
  readonly only: ((line: ListingLine) => boolean) | undefined;
}

/** An unknown class or session, or both of them → exit 2. */
export async function resolveRestoreScope(
  repo: Repository,
  manifest: Manifest,
  { only, session }: RestoreSelection,
): Promise<RestoreScope> {
  if (only.length > 0) {
    if (session !== undefined) throw usageError("--only and --session exclude each other");
    classesOf({ include: only, exclude: [] });
    const classes = new Set(only);
    return { session: undefined, only: ({ class: of }) => classes.has(of) };
  }
  if (session === undefined) return { session: undefined, only: undefined };
  if (manifest.runtime !== "agh") {
    const message = `sessions of ${manifest.runtime} are rows of one database: a single session can only be restored into an existing home`;
    throw refusal("E_CANNOT", message, `--session ${session} --into HOME`);
  }
  const id = await findSession(repo, manifest, session);
  if (id === undefined) {
    const hint = `agh-backup list --session ${session} --repo ${repo.url}`;
    throw usageError(`snapshot ${manifest.id} holds no session '${session}'`, hint);
  }
  return { session: id, only: (line) => partOfSession(line, id) !== undefined || isFrame(line) };
}

/** What a session needs to be a home by itself. */
const isFrame = ({ root, path, class: of }: ListingLine): boolean =>
  root === "home" && (of === "catalog" || of === "config" || path === "" || path === "sessions");

export type SessionPart = "directory" | "ledger" | "bundle";

/** What a path is to a session; undefined where it is not its own. */
export function partOfSession({ root, path }: Pick<ListingLine, "root" | "path">, id: string): SessionPart | undefined {
  const names = path.split("/");
  if (root === "home" && names[0] === "sessions" && names[1] === id) return "directory";
  const isLedgers = root === "ledgers" || root === "home";
  if (isLedgers && (names.at(-2) === id || names.at(-1) === id) && names.length > 1) return "ledger";
  if (root === "home" && path.startsWith(`logs/crash-bundles/${id}-`)) return "bundle";
  return undefined;
}
