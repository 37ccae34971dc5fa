// Whether a snapshot of a runtime whose sessions are rows holds a session: its database is restored into a scratch directory and read.
import type { Manifest } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { openPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError, usageError } from "../../records/error.ts";
import { isNamedBy } from "../../sources/selection.ts";

export interface FoundSessionRow {
  readonly id: string;
  /** Null where it is not known. */
  readonly last_sequence: number | null;
}

/** Undefined when it holds no such session; one that cannot be read is a problem (3). Ambiguous → exit 2. */
export async function findSessionRow(
  repo: Repository,
  manifest: Manifest,
  word: string,
  deps: Deps,
): Promise<FoundSessionRow | undefined> {
  const found = (await readSessions(repo, manifest, deps)).filter(({ id }) => isNamedBy(word, id));
  const exact = found.find(({ id }) => id === word);
  if (exact || found.length < 2) return exact ?? found[0];
  const ids = found.slice(0, 5).map(({ id }) => id);
  throw usageError(`'${word}' matches more than one session`, ids.join(", "));
}

async function readSessions(
  repo: Repository,
  { id: snapshot, runtime }: Manifest,
  deps: Deps,
): Promise<FoundSessionRow[]> {
  const found: FoundSessionRow[] = [];
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
