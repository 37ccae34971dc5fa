// The snapshot that is restored into a home: one of this very home, unless another one is named on purpose.
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { osPath } from "../../files/os-path.ts";
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import {
  describeHome,
  isMoving,
  listManifests,
  listNewest,
  resolveSnapshot,
  type SnapshotFilter,
} from "../../formats/repository/snapshots.ts";
import { readIdentity } from "../../journal/identity.ts";
import { readHomeId } from "../../places/home-id.ts";
import type { OpenPlace } from "../../places/place.ts";
import { EXIT, refusal, ToolError } from "../../records/error.ts";

export interface OwnSnapshotQuery extends SnapshotFilter {
  readonly id: string;
  /** The snapshot may be of another home. */
  readonly fromOtherHome: boolean;
}

/** The snapshot, and the id that the home has: that of the snapshots where the home has moved and `--home-id` says so. */
export interface OwnSnapshot {
  readonly manifest: Manifest;
  readonly homeId: string;
}

/** A snapshot of another home, or of another runtime, is refused (4); none of this home, or an unknown one → exit 2. */
export async function resolveOwnSnapshot(
  repo: Repository,
  query: OwnSnapshotQuery,
  { home }: Pick<OpenPlace, "home">,
): Promise<OwnSnapshot> {
  const own = await resolveOwn(repo, query, home);
  const { runtime } = own.manifest;
  if (runtime === home.runtime) return own;
  throw refusal(
    "E_OTHER_RUNTIME",
    `snapshot ${own.manifest.id} is of ${runtime}, and ${home.place} of ${home.runtime}`,
  );
}

async function resolveOwn(repo: Repository, query: OwnSnapshotQuery, home: OpenPlace["home"]): Promise<OwnSnapshot> {
  const { id, at, fromOtherHome } = query;
  if (fromOtherHome) return { manifest: await resolveSnapshot(repo, id, query), homeId: home.id };
  const homeId = await claimedId(repo, query, home);
  if (!isMoving(id)) {
    const manifest = await resolveSnapshot(repo, id);
    if (manifest.home_id === homeId) return { manifest, homeId };
    throw otherHome(manifest, home, homeId);
  }
  try {
    return { manifest: await resolveSnapshot(repo, id, { homeId, at }), homeId };
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.usage) throw error;
    throw await withOtherHomes(error, repo, home);
  }
}

/** What `--home-id` or `--home` says that the home is, where it can be that one; else its own id. */
async function claimedId(
  repo: Repository,
  { homeId, homePath }: SnapshotFilter,
  home: OpenPlace["home"],
): Promise<string> {
  if (homeId === undefined && homePath === undefined) return home.id;
  const claimed = await resolveSnapshot(repo, "latest", { homeId, homePath });
  if (claimed.home_id === home.id) return home.id;
  const isAnother =
    readIdentity(home.root) !== undefined || (await hasSnapshots(repo, home.id)) || livesElsewhere(claimed, home.root);
  if (isAnother) throw otherHome(claimed, home, home.id);
  return claimed.home_id;
}

async function hasSnapshots(repo: Repository, homeId: string): Promise<boolean> {
  for await (const _ of listManifests(repo, { homeId }, () => undefined)) return true;
  return false;
}

/** Whether the home of a snapshot is still where it was when it was backed up, and is not this one. */
function livesElsewhere({ runtime, hostname: host, home_path, home_id }: Manifest, root: string): boolean {
  if (host !== hostname()) return false;
  try {
    const real = realpathSync(osPath(home_path)) as string;
    return real !== root && readHomeId(runtime, real) === home_id;
  } catch {
    return false; // nothing is there, or nothing that can be read
  }
}

const otherHome = (manifest: Manifest, { place }: OpenPlace["home"], homeId: string): ToolError =>
  refusal(
    "E_OTHER_HOME",
    `snapshot ${manifest.id} is of home ${describeHome(manifest)}; ${place} is home ${homeId}`,
    `--home-id ${manifest.home_id} if it is the same home at a new place; --from-other-home to restore another home into it`,
  );

/** A home that has moved, or was made anew, has its snapshots under another id. */
async function withOtherHomes(error: ToolError, repo: Repository, { place }: OpenPlace["home"]): Promise<ToolError> {
  const newest = await listNewest(repo, {}, () => undefined);
  if (newest.length === 0) return error;
  const [first] = newest;
  return new ToolError({
    code: error.code,
    message: `${error.message} (${place}); it contains snapshots of ${newest.slice(0, 5).map(describeHome).join(", ")}`,
    hint: `--home-id ${first!.home_id} if it is the same home at a new place; --from-other-home to restore another home into it`,
    exit: error.exit,
  });
}
