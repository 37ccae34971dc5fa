// The parts of a session in a snapshot: its own paths laid out in scratch, or the whole snapshot where sessions are rows, and read as a home.
import { scratchDir } from "../files/scratch.ts";
import { extractWhole } from "../formats/repository/extract-whole.ts";
import type { ListingLine } from "../formats/repository/listing.ts";
import type { Manifest } from "../formats/repository/manifest.ts";
import type { Repository } from "../formats/repository/repository.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import { openPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { placeError } from "../records/error.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { loadSource } from "../sources/runtimes.ts";
import type { SessionLayout } from "../sources/source.ts";
import { localParts } from "./directory-parts.ts";
import type { IncomingSession } from "./incoming-session.ts";
import { openCustody } from "./open-custody.ts";

export interface SnapshotSession extends Disposable {
  readonly incoming: IncomingSession;
  /** Below the home: the database that sessions with files of their own have rows in. */
  readonly catalog: string | undefined;
}

interface Snapshot {
  readonly repo: Repository;
  readonly manifest: Manifest;
}

/** `word`: a full id, or a prefix where sessions are rows. Until it is disposed of its files lie in scratch. Damage → exit 6. */
export async function openSnapshotSession(snapshot: Snapshot, word: string, deps: Deps): Promise<SnapshotSession> {
  using opened = new DisposableStack();
  const scratch = opened.adopt(scratchDir(deps.env), (dir) => dir.remove());
  const { place, catalog } = await openSnapshot(snapshot, word, scratch.fresh(), deps);
  opened.use(place);
  const { of, custody } = await openCustody(place, deps);
  const local = custody.inspect(await findSession(place, word, deps));
  if (!local) throw noSession(place, word);
  const rows = (ids: readonly string[]): ReturnType<typeof custody.rows> => custody.rows(ids);
  const incoming = localParts({ home: custody.home, rows }, of, local, { scratch, signal: deps.signal });
  const resources = opened.move();
  return { incoming, catalog, [Symbol.dispose]: () => resources.dispose() };
}

interface OpenSnapshot {
  readonly place: OpenPlace;
  readonly catalog: string | undefined;
}

async function openSnapshot(
  { repo, manifest }: Snapshot,
  word: string,
  dir: string,
  deps: Deps,
): Promise<OpenSnapshot> {
  const { id, runtime, home_id } = manifest;
  const source = await loadSource(runtime);
  const place = `backup:${repo.url}@${id}`;
  if (!source.sessionLayout) return { place: await openPlace(place, { runtime }, deps), catalog: undefined };
  const isNeeded = sessionScope(source.sessionLayout, word);
  let catalog: string | undefined;
  const only = (line: ListingLine): boolean => {
    if (line.root === "home" && line.class === "catalog" && line.database) catalog = line.path;
    return isNeeded(line);
  };
  await extractWhole({ repo, manifest, dir, only }, deps);
  const home = { runtime, place, root: dir, id: home_id, live: false };
  return { place: { home, source, [Symbol.dispose]() {} }, catalog };
}

/** A session's own paths, and what it needs to be a home by itself: catalog, settings, the directories above. */
export function sessionScope({ owns, top }: SessionLayout, id: string): (line: ListingLine) => boolean {
  const own = top(id) ?? "";
  return ({ root, path, class: of }) =>
    owns(id, root, path) ||
    (root === "home" && (of === "catalog" || of === "config" || path === "" || own.startsWith(`${path}/`)));
}

async function findSession(place: OpenPlace, word: string, deps: Deps): Promise<SessionRecord> {
  for await (const session of place.source.sessions(place.home, { ids: [word] }, deps)) return session;
  throw noSession(place, word);
}

const noSession = ({ home }: OpenPlace, word: string): Error =>
  placeError("E_NO_SESSION", `${home.place} holds no session '${word}'`, `agh-inspect sessions --home ${home.place}`);
