// What a snapshot's coverage says of a path: that it could not be taken, or came after the cut.
import type { CoverageGap } from "../../formats/repository/manifest.ts";

export class Gaps {
  readonly #places = new Set<string>();
  readonly #classes = new Set<string>();

  constructor(coverage: readonly CoverageGap[]) {
    for (const { root, path, class: of, missing, late } of coverage) {
      if (!missing && !late) continue;
      this.#places.add(placeOf(root, path));
      if (missing) this.#classes.add(of);
    }
  }

  /** Whether it, or a directory above it, is missing for a reason that the coverage tells. */
  covers(root: string, path: string): boolean {
    if (this.#places.size === 0) return false;
    for (let at = path.length; at > 0; at = path.lastIndexOf("/", at - 1)) {
      if (this.#places.has(placeOf(root, path.slice(0, at)))) return true;
    }
    return this.#places.has(placeOf(root, ""));
  }

  /** Whether something of a class could not be taken. */
  hasMissing(of: string): boolean {
    return this.#classes.has(of);
  }
}

const placeOf = (root: string, path: string): string => `${root}\0${path}`;
