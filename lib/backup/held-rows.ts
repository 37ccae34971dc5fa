// Whether a snapshot of a runtime whose sessions are rows holds a session: its database is laid out in scratch and asked.
import type { Manifest } from "../formats/manifest.ts";
import type { Repository } from "../formats/repository.ts";
import { openPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError, usageError } from "../records/error.ts";
import { isNamedBy } from "../sources/selection.ts";

export interface HeldRow {
  readonly id: string;
  /** Null where it is not known. */
  readonly last_sequence: number | null;
}

/** Undefined when it holds no such session; one that cannot be asked is a problem (3). Ambiguous → exit 2. */
export async function heldRow(
  repo: Repository,
  manifest: Manifest,
  word: string,
  deps: Deps,
): Promise<HeldRow | undefined> {
  const found = (await sessionsIn(repo, manifest, deps)).filter(({ id }) => isNamedBy(word, id));
  const exact = found.find(({ id }) => id === word);
  if (exact || found.length < 2) return exact ?? found[0];
  const ids = found.slice(0, 5).map(({ id }) => id);
  throw usageError(`more than one session is called '${word}'`, ids.join(", "));
}

async function sessionsIn(repo: Repository, { id: snapshot, runtime }: Manifest, deps: Deps): Promise<HeldRow[]> {
  const found: HeldRow[] = [];
  try {
    using place = await openPlace(`backup:${repo.url}@${snapshot}`, { runtime }, deps);
    for await (const { id, last_sequence = null } of place.source.sessions(place.home, { lastEvents: true }, deps)) {
      found.push({ id, last_sequence });
    }
    return found;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const { code, message, hint, cause } = error;
    deps.log.problem(new ToolError({ code, message: `${snapshot}: ${message}`, hint, cause, exit: EXIT.partial }));
    return [];
  }
}
