// Where something of one session lies, as `path` records.
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import type { OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import type { PathRecord, SessionRecord } from "../records/runtime-kinds.ts";
import type { OwnTree } from "../sources/custody.ts";
import { HomeLinks } from "../sources/links.ts";
import type { Root } from "../sources/source.ts";
import { pathRecord } from "./paths.ts";

export async function* listSessionPaths(
  place: OpenPlace,
  session: SessionRecord,
  deps: Deps,
): AsyncGenerator<PathRecord> {
  const { home, source } = place;
  const roots = await source.roots(home, deps);
  const links = new HomeLinks(home, deps);
  const paths = await source.sessionPaths?.(home, session, deps);
  if (!paths) return yield* withDatabases(place, session, roots, deps);
  for (const top of paths) {
    for (const found of walk(top, { links })) {
      const path = belowRoot(top, found.path);
      const root = roots.find(({ dir }) => path.startsWith(`${dir}/`)) ?? { name: "home", dir: home.root };
      yield pathRecord(place, root, { ...found, path: path.slice(root.dir.length + 1) });
    }
  }
}

/** The session's own trees, and the databases that may hold rows of it. */
async function* withDatabases(
  place: OpenPlace,
  session: SessionRecord,
  roots: readonly Root[],
  deps: Deps,
): AsyncGenerator<PathRecord> {
  const { home, source } = place;
  const custody = await (await source.custody?.())?.open(home, deps);
  const trees = custody?.inspect(session)?.trees ?? [];
  const links = new HomeLinks(home, deps);
  const holdsRows = session.has.row || session.has.events;
  const isOne = (root: Root, { path, type }: WalkEntry): boolean =>
    (holdsRows && source.classify(root.name, path, type).database !== undefined) ||
    trees.some((tree) => isWithin(tree, belowRoot(root.dir, path)));
  for (const root of roots) {
    for (const found of walk(root.dir, { ...(root.only && { only: root.only }), links, unreadable: () => undefined })) {
      if (isOne(root, found)) yield pathRecord(place, root, found);
    }
  }
}

function isWithin({ dir, only }: OwnTree, path: string): boolean {
  if (path === dir) return only === undefined;
  const name = path.startsWith(`${dir}/`) ? path.slice(dir.length + 1).split("/", 1)[0]! : undefined;
  return name !== undefined && (only === undefined || only.includes(name));
}
