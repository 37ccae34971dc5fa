// Archives stopped sessions: written, read back from where they were put, compared event by event, then receipted.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { limitSemiSpace } from "../files/memory.ts";
import { osPath } from "../files/os-path.ts";
import { openCustody } from "../custody/open-custody.ts";
import { ulid } from "../formats/ulid.ts";
import { openWithCapability } from "../places/open-with-capability.ts";
import type { OpenPlace, PlaceOptions } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { SessionFilter } from "../sources/source.ts";
import { targetOf, type Target } from "../targets/target.ts";
import { HomePut } from "./put-home.ts";

export interface PutSessions {
  /** Homes, each with the sessions that are selected. */
  readonly from: readonly {
    readonly place: PlaceOptions & { readonly home?: string | undefined };
    readonly sessions: SessionFilter;
  }[];
  /** A directory or s3://; where the runtime of each home puts old sessions unless given. */
  readonly to?: string | undefined;
  /** Version of the toolkit, for the receipts. */
  readonly toolkit: string;
  readonly dryRun?: boolean;
}

/** Yields an `archive` for each session that is archived now, an `action` for each that was skipped (3), and a `summary`. */
export async function* putSessions(options: PutSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive put", deps, ulid(deps.now()));
  const { toolkit, dryRun = false } = options;
  const versions = { toolkit, sqlite: process.versions.sqlite ?? "" };
  let sameFileSystem = false;
  limitSemiSpace(); // before the sessions are listed: threads may follow
  for (const { place, sessions } of options.from) {
    using opened = await openWithCapability(place, "archive", deps);
    const { home, source } = opened;
    const target = targetOf(options.to ?? ownTarget(opened));
    sameFileSystem ||= isSameFileSystem(target, home.root);
    const { custody } = await openCustody(opened, deps);
    const run = new HomePut({ custody, target, versions, dryRun, tally, deps });
    const chosen: SessionRecord[] = [];
    for await (const session of source.sessions(home, { ...sessions, sizes: true }, deps)) chosen.push(session);
    yield* run.put(chosen);
  }
  if (sameFileSystem) deps.log.info("the archives are on the same file system as the home: they are lost with it");
  yield tally.summary({
    ...(dryRun && { status: "planned" as const }),
    ...(sameFileSystem && { same_file_system: true }),
  });
}

/** Where the runtime's documentation puts old sessions. */
function ownTarget({ home, source }: OpenPlace): string {
  const own = home.live ? source.defaultArchive?.(home.root) : undefined;
  if (own !== undefined) return own;
  throw usageError(`${home.place} cannot hold archives`, "--to DIR, or s3://BUCKET/PREFIX");
}

function isSameFileSystem({ dir }: Target, root: string): boolean {
  if (dir === undefined) return false;
  for (let at = dir; ; at = dirname(at)) {
    const stat = statSync(osPath(at), { throwIfNoEntry: false });
    if (stat) return stat.dev === statSync(osPath(root)).dev;
  }
}
