// The verb `paths`: every path that belongs to a home, and what a backup makes of it.
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace, type OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { PathRecord } from "../records/runtime-kinds.ts";
import { DEFAULT_CLASSES } from "../sources/classes.ts";
import { HomeLinks } from "../sources/links.ts";
import type { Root, Source } from "../sources/source.ts";

/** `path` records: those that are there in the order of the walk, then the well-known ones that are not. */
export async function* listPaths(where: Place, deps: Deps): AsyncGenerator<PathRecord> {
  using place = await openPlace(where.home, where, deps);
  const links = new HomeLinks(place.home, deps);
  for (const root of await place.source.roots(place.home, deps, { absent: true })) {
    const missing = new Set(place.source.wellKnown(root.name));
    if (root.missing) {
      yield {
        ...pathRecord(place, root, { path: "", type: "missing", stat: undefined }),
        reason: `it ${root.missing.reason}`,
      };
      continue;
    }
    for (const found of walk(root.dir, {
      ...(root.only && { only: root.only }),
      links,
      unreadable: reportUnreadable(root, deps),
    })) {
      deps.signal.throwIfAborted();
      missing.delete(found.path);
      yield pathRecord(place, root, found);
    }
    for (const path of [...missing].sort()) yield pathRecord(place, root, { path, type: "missing", stat: undefined });
  }
}

type FoundPath = Pick<WalkEntry, "path" | "link" | "fault"> & {
  readonly type: PathRecord["type"];
  readonly stat: WalkEntry["stat"] | undefined;
};

/** The record of one path of a root. */
export function pathRecord(
  { home, source }: OpenPlace,
  root: Root,
  { path, type, stat, link, fault }: FoundPath,
): PathRecord {
  const { class: of, scope, never: byName } = source.classify(root.name, path, type);
  const byLink = fault && `it ${fault.reason}`;
  const never = byLink ?? byName ?? (isEmptyWal(source, root, path, stat) ? "an empty WAL" : undefined);
  const isBackedUp = never === undefined && type !== "missing" && (DEFAULT_CLASSES as readonly string[]).includes(of);
  return {
    kind: "path",
    runtime: home.runtime,
    home: home.place,
    id: belowRoot(root.dir, path),
    root: root.name,
    path,
    class: of,
    scope,
    type,
    link,
    exists: stat !== undefined,
    size: type === "file" && stat ? Number(stat.size) : undefined,
    mode: stat && (Number(stat.mode) & 0o7777).toString(8).padStart(4, "0"),
    mtime: stat && stat.mtime.toISOString(),
    backed_up: isBackedUp,
    reason: isBackedUp ? undefined : (never ?? (stat ? `only on request: --include ${of}` : "does not exist")),
  };
}

function isEmptyWal(source: Source, root: Root, path: string, stat: WalkEntry["stat"] | undefined): boolean {
  if (stat?.size !== 0n || !path.endsWith(".db-wal")) return false;
  return source.classify(root.name, path.slice(0, -"-wal".length), "file").database !== undefined;
}

const reportUnreadable =
  (root: Root, deps: Deps) =>
  (path: string, error: NodeJS.ErrnoException): void =>
    deps.log.problem(
      new ToolError({
        code: "E_UNREADABLE",
        message: `could not read ${belowRoot(root.dir, path)}: ${error.code}`,
        hint: `ls -ld ${belowRoot(root.dir, path)}`,
        exit: EXIT.partial,
        cause: error,
      }),
    );
