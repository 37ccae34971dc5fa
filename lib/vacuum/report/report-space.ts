// Where the bytes of a home are, and what each command would give back: first those that need no free space.
import { statfsSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError, asPartial } from "../../records/error.ts";
import type { SpaceRecord } from "../../records/toolkit-kinds.ts";
import { readCatalog } from "../../sources/agh/home/databases.ts";
import { measureEventTypes } from "../../sources/agh/events/event-space.ts";
import { catalogFile } from "../../sources/agh/home/layout.ts";
import { statSize } from "../../sources/agh/sessions/scan.ts";
import type { Home } from "../../sources/source.ts";
import { readFreeBytes, measureTables, type TableSpace } from "../../sqlite/read/table-space.ts";
import { listReclaimable } from "./reclaimable.ts";
import { walkHome, type HomeSpace } from "./space-walk.ts";

export interface ReportSpace {
  readonly place: Place;
  /** `full` reads every event, for their types. */
  readonly level: "quick" | "full";
}

/** `space` records: the disk, files by kind, tables, event types, free pages, then what commands free. Needs no space. */
export async function* reportSpace({ place, level }: ReportSpace, deps: Deps): AsyncGenerator<SpaceRecord> {
  using opened = await openWithCapability(place, "vacuum", deps);
  const { home, source } = opened;
  const space = walkHome(home, await source.roots(home, deps), source);
  yield record(home, {
    of: "disk",
    name: "free",
    bytes: freeOnDisk(home),
    note: "of the file system that holds the home",
  });
  yield* files(home, space);
  if (home.runtime === "agh") {
    yield* tables(home, level, deps);
    if (level === "full") yield* eventTypes(home, deps);
    yield* freePages(home, space);
  }
  for (const gain of listReclaimable(home, space, deps)) yield record(home, { of: "frees", ...gain });
}

type Fields = Omit<SpaceRecord, "kind" | "runtime" | "home" | "id">;

const record = ({ runtime, place }: Home, { of, name, ...rest }: Fields): SpaceRecord => ({
  kind: "space",
  runtime,
  home: place,
  id: `${of}:${name}`,
  of,
  name,
  ...rest,
});

function freeOnDisk({ root }: Home): number {
  const { bavail, bsize } = statfsSync(osPath(root) as string);
  return bavail * bsize;
}

function* files(home: Home, { kinds }: HomeSpace): Generator<SpaceRecord> {
  const sorted = [...kinds].sort(([a, x], [b, y]) => y.bytes - x.bytes || (a < b ? -1 : 1));
  for (const [name, { bytes, items }] of sorted) yield record(home, { of: "files", name, bytes, items });
}

/** dbstat reads every page; a catalog beyond this is asked with --level full only. */
const LARGE = 512 << 20;

/** A table that has less than its fiftieth is told with the others. */
const SHARE = 50;

function* tables(home: Home, level: ReportSpace["level"], deps: Deps): Generator<SpaceRecord> {
  const size = statSize(catalogFile(home.root)) ?? 0;
  if (level === "quick" && size > LARGE) return;
  const least = level === "quick" ? size / SHARE : 0;
  const all = tablesOf(home, deps);
  for (const { table, isFullText, bytes } of all) {
    if (bytes >= least) yield record(home, { of: isFullText ? "full_text" : "table", name: `agh.db/${table}`, bytes });
  }
  const small = all.filter(({ bytes }) => bytes < least);
  if (small.length === 0) return;
  const bytes = small.reduce((sum, one) => sum + one.bytes, 0);
  yield record(home, {
    of: "table",
    name: "agh.db/…",
    bytes,
    items: small.length,
    note: "tables with less than 2 % of it",
  });
}

/** A catalog that cannot be read, or not without room for a copy of its WAL, leaves the rest of the report as it is. */
function tablesOf({ root }: Home, deps: Deps): readonly TableSpace[] {
  try {
    return readCatalog(root, deps, measureTables);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return [];
  }
}

async function* eventTypes(home: Home, deps: Deps): AsyncGenerator<SpaceRecord> {
  for (const { type, events, bytes } of await measureEventTypes(home, deps)) {
    yield record(home, { of: "event_type", name: type, bytes, items: events });
  }
}

function* freePages(home: Home, { sessions }: HomeSpace): Generator<SpaceRecord> {
  const file = catalogFile(home.root);
  if (statSize(file)) yield record(home, { of: "free_pages", name: "agh.db", bytes: readFreeBytes(file) });
  const some = [...sessions.values()].filter(({ free }) => free > 0);
  const bytes = some.reduce((sum, { free }) => sum + free, 0);
  yield record(home, { of: "free_pages", name: "events.db", bytes, items: some.length });
}
