// Where the bytes of a home are, and what each command would give back: first those that need no free space.
import { statfsSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError, asPartial } from "../../records/error.ts";
import type { SpaceRecord } from "../../records/toolkit-kinds.ts";
import { HomeLinks } from "../../sources/links.ts";
import type { Home } from "../../sources/source.ts";
import type { SpaceUpkeep } from "../../sources/upkeep.ts";
import { readFreeBytes, type TableSpace } from "../../sqlite/read/table-space.ts";
import { listReclaimable } from "./reclaimable.ts";
import { sizeOfFile, walkHome, type HomeSpace } from "./space-walk.ts";

export interface ReportSpace {
  readonly place: Place;
  /** `full` reads every event, for their types. */
  readonly level: "quick" | "full";
}

/** `space` records: the disk, files by kind, tables, event types, free pages, then what commands free. Needs no space. */
export async function* reportSpace({ place, level }: ReportSpace, deps: Deps): AsyncGenerator<SpaceRecord> {
  using opened = await openWithCapability(place, "vacuum", deps);
  const { home, source } = opened;
  const upkeep = await source.upkeep?.();
  const space = walkHome(await source.roots(home, deps), source, {
    space: upkeep?.space,
    links: new HomeLinks(home, deps),
  });
  yield record(home, {
    of: "disk",
    name: "free",
    bytes: freeOnDisk(home),
    note: "of the file system that holds the home",
  });
  yield* files(home, space);
  if (upkeep?.space) {
    yield* tables(home, upkeep.space, level, deps);
    if (level === "full") yield* eventTypes(home, upkeep.space, deps);
    yield* freePages(home, upkeep.space, space);
  }
  for (const one of listReclaimable(home, { space, upkeep: upkeep?.space }, deps))
    yield record(home, { of: "frees", ...one });
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

function* tables(home: Home, space: SpaceUpkeep, level: ReportSpace["level"], deps: Deps): Generator<SpaceRecord> {
  const { name: catalog } = space.catalog;
  const size = sizeOfFile(space.catalog.file(home)) ?? 0;
  if (level === "quick" && size > LARGE) return;
  const least = level === "quick" ? size / SHARE : 0;
  const all = tablesOf(home, space, deps);
  for (const { table, isFullText, bytes } of all) {
    if (bytes >= least)
      yield record(home, { of: isFullText ? "full_text" : "table", name: `${catalog}/${table}`, bytes });
  }
  const small = all.filter(({ bytes }) => bytes < least);
  if (small.length === 0) return;
  const bytes = small.reduce((sum, one) => sum + one.bytes, 0);
  const note = "tables with less than 2 % of it";
  yield record(home, { of: "table", name: `${catalog}/…`, bytes, items: small.length, note });
}

/** A catalog that cannot be read, or not without room for a copy of its WAL, leaves the rest of the report as it is. */
function tablesOf(home: Home, space: SpaceUpkeep, deps: Deps): readonly TableSpace[] {
  try {
    return space.tables(home, deps);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return [];
  }
}

async function* eventTypes(home: Home, space: SpaceUpkeep, deps: Deps): AsyncGenerator<SpaceRecord> {
  for (const { type, events, bytes } of await space.eventTypes(home, deps)) {
    yield record(home, { of: "event_type", name: type, bytes, items: events });
  }
}

function* freePages(home: Home, { catalog, events }: SpaceUpkeep, { sessions }: HomeSpace): Generator<SpaceRecord> {
  const file = catalog.file(home);
  if (sizeOfFile(file)) yield record(home, { of: "free_pages", name: catalog.name, bytes: readFreeBytes(file) });
  const some = [...sessions.values()].filter(({ free }) => free > 0);
  const bytes = some.reduce((sum, { free }) => sum + free, 0);
  yield record(home, { of: "free_pages", name: events, bytes, items: some.length });
}
