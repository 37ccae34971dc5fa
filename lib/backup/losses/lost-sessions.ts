// Sessions that an earlier snapshot holds and a later one does not: gathered first, for what explains one may depend on how many there are.
import type { Suspicion } from "../../formats/repository/manifest.ts";
import type { SessionLine } from "../../formats/repository/listing.ts";
import type { KnownSession, LossExplainer } from "../../sources/losses.ts";

interface LostSession {
  known: KnownSession;
  /** Where it was. */
  readonly path: string;
  /** Its events are there still. */
  readonly isPartly: boolean;
}

export class LostSessions {
  /** Of the earlier snapshot. */
  readonly #total: number;
  readonly #directories = new Map<string, LostSession>();
  readonly #rows = new Map<string, LostSession>();

  constructor(total: number) {
    this.#total = total;
  }

  addDirectory(id: string, path: string): void {
    this.#directories.set(id, { known: { id, part: "directory" }, path, isPartly: false });
  }

  hasDirectory(id: string): boolean {
    return this.#directories.has(id);
  }

  /** What was known of a session whose directory is missing. */
  addFacts(id: string, facts: Omit<KnownSession, "id">): void {
    const lost = this.#directories.get(id);
    if (lost) lost.known = { ...lost.known, ...facts };
  }

  /** `isPartly`: events of it are there still. */
  addRows({ id, events, at, parent }: SessionLine, path: string, isPartly: boolean): void {
    this.#rows.set(id, { known: { id, part: "rows", events, at, parent }, path, isPartly });
  }

  async *unexplained(explainer: () => Promise<LossExplainer | undefined>): AsyncGenerator<Suspicion> {
    const open: LostSession[] = [];
    for (const lost of [...this.#directories.values(), ...this.#rows.values()]) {
      if ((await (await explainer())?.session(lost.known.id, lost.known)) === undefined) open.push(lost);
    }
    if (open.length === 0) return;
    const whole = open.filter(({ isPartly }) => !isPartly).map(({ known }) => known);
    const ids = new Set(open.map(({ known }) => known.id));
    const left = Math.max(0, this.#total - ids.size);
    const deleted = (await explainer())?.deleted?.(whole, left) ?? new Map<string, string>();
    for (const lost of open) {
      const { id, part } = lost.known;
      const isListed = part === "rows" && open.some((other) => other !== lost && other.known.id === id);
      if (!isListed && (lost.isPartly || !deleted.has(id))) yield suspicionOf(lost);
    }
  }
}

function suspicionOf({ known, path, isPartly }: LostSession): Suspicion {
  const { id, part, events, last, at } = known;
  const evidence = {
    ...(events !== undefined && { events }),
    ...(typeof last === "number" && { last_sequence: last }),
    ...(at !== undefined && { at }),
  };
  const isRow = part === "rows";
  const message = isPartly
    ? `${path} has lost session ${id}, and still has events of it`
    : isRow
      ? `${path} has lost session ${id}`
      : `session ${id} does not exist any more`;
  // A row without events of its own is what a catalog says of a session, not the session.
  return { code: isRow && events === undefined ? "CATALOG_SHRUNK" : "SESSION_LOST", id, path, message, evidence };
}
