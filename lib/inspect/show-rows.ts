// What `show` tells of a session whose runtime keeps many in one database: counted from its events, its own files if any.
import { walk } from "../files/walk.ts";
import type { OpenPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { Block, lines } from "../records/record.ts";
import type { PathRecord, SessionRecord } from "../records/runtime-kinds.ts";
import { pathRecord } from "./paths.ts";

/** Events counted by type; undefined where there are none. */
export async function countTypes(
  { home, source }: OpenPlace,
  { id, has }: SessionRecord,
  deps: Deps,
): Promise<{ readonly [type: string]: number } | undefined> {
  if (!has.events) return undefined;
  const counts = new Map<string, number>();
  for await (const item of source.events(home, id, {}, deps)) {
    for (const line of item instanceof Block ? lines(item) : [JSON.stringify(item)]) {
      const { type } = JSON.parse(line) as { type?: unknown };
      counts.set(String(type), (counts.get(String(type)) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The databases that hold its rows, and what bears its name. */
export async function* listSessionPaths(
  place: OpenPlace,
  { id, has }: SessionRecord,
  deps: Deps,
): AsyncGenerator<PathRecord> {
  const { home, source } = place;
  for (const root of await source.roots(home, deps)) {
    for (const found of walk(root.dir, { ...(root.only && { only: root.only }), unreadable: () => undefined })) {
      const isOwn = found.path.split("/").includes(id);
      const holds = has.row || has.events ? source.classify(root.name, found.path, found.type).database : undefined;
      if (isOwn || holds !== undefined) yield pathRecord(place, root, found);
    }
  }
}

/** Where its ledger lies, if there is one. */
export async function findLedger({ home, source }: OpenPlace, id: string, deps: Deps): Promise<string | undefined> {
  const ledgers = await source.ledgers?.();
  if (!ledgers) return undefined;
  for await (const { ledger, hasLedger } of ledgers.sessions(home, { ids: [id] }, deps)) {
    if (hasLedger) return ledger;
  }
  return undefined;
}
