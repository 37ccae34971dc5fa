// What a home has of sessions that is newer than a snapshot of it, and that a restore would put away.
import { joinPath } from "../../files/os-path.ts";
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { SessionLayout } from "../../sources/source.ts";

/** The last event of each session of a snapshot, as its listing has it; null where that is not known. */
export class ListedSequences {
  readonly #layout: SessionLayout | undefined;
  readonly #found = new Map<string, number | null>();

  constructor(layout: SessionLayout | undefined) {
    this.#layout = layout;
  }

  add({ path, database }: ListingLine): void {
    const id = this.#sessionOf(path);
    if (id === undefined) return;
    if (database) this.#found.set(id, database.last_sequence ?? null);
    else if (!this.#found.has(id)) this.#found.set(id, null);
  }

  lastSequence = (id: string): number | null | undefined => this.#found.get(id);

  #sessionOf(path: string): string | undefined {
    for (let at = path; this.#layout && at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      const id = this.#layout.idOf(at);
      if (id !== undefined) return id;
    }
    return undefined;
  }
}

export interface ReplacedSessions {
  /** Absolute paths that go to the trash. */
  readonly aside: readonly string[];
  /** Of a session in the snapshot; undefined where it does not hold the session. */
  readonly lastSequence: (id: string) => number | null | undefined;
  /** Nothing is moved aside of others. */
  readonly ids?: readonly string[];
}

/** Of the sessions of which something is moved aside; null where nothing is newer. */
export async function describeNewer(
  { home, source }: OpenPlace,
  { aside, lastSequence, ids }: ReplacedSessions,
  deps: Deps,
): Promise<string | null> {
  const { sessionLayout } = source;
  if (!sessionLayout || aside.length === 0) return null;
  const [unknown, newer]: [string[], string[]] = [[], []];
  try {
    for await (const { id, has, last_sequence: last } of source.sessions(
      home,
      { lastEvents: true, ...(ids && { ids }) },
      withoutProblems(deps),
    )) {
      const top = sessionLayout.top(id);
      if (top === undefined || !has.dir) continue;
      const path = joinPath(home.root, top);
      const then = lastSequence(id);
      if (then === undefined && aside.some((one) => isWithin(path, one))) unknown.push(id);
      const isTouched = aside.some((one) => isWithin(path, one) || isWithin(one, path));
      if (isTouched && typeof then === "number" && typeof last === "number" && last > then)
        newer.push(`${id} (${then + 1}–${last})`);
    }
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `what is newer in ${home.place} than the snapshot is not known: ${error.message}`;
  }
  const parts = [
    ...(unknown.length > 0 ? [`${count(unknown.length, "session")} that it does not hold: ${listOf(unknown)}`] : []),
    ...(newer.length > 0 ? [`newer events of ${count(newer.length, "session")}: ${listOf(newer)}`] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : null;
}

const isWithin = (path: string, dir: string): boolean => path === dir || path.startsWith(`${dir}/`);

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

const SHOWN = 20;

const listOf = (all: readonly string[]): string =>
  all.length <= SHOWN ? all.join(", ") : `${all.slice(0, SHOWN).join(", ")} and ${all.length - SHOWN} more`;
