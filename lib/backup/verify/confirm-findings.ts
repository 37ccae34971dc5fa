// Looks again before a finding is told: what other runs have merged, pruned or put meanwhile is no damage.
import { INDEXES, PACKS, SNAPSHOTS } from "../../formats/repository/layout.ts";
import type { Finding } from "../../records/result-kinds.ts";
import type { Target } from "../../targets/target.ts";

/** Keys and sizes of all that create and prune add and remove. */
type Keys = ReadonlySet<string>;

export async function listKeys(target: Target): Promise<Keys> {
  const keys = new Set<string>();
  for (const prefix of [SNAPSHOTS, INDEXES, PACKS])
    for await (const { key, size } of target.list(prefix)) keys.add(`${key} ${size}`);
  return keys;
}

interface Confirmation {
  readonly target: Target;
  /** Before the first look. */
  readonly before: Keys;
  /** Looks again at what these findings are about. */
  readonly again: (known: readonly Finding[]) => Promise<readonly Finding[]>;
}

/** A repository that never rests is looked at so often. */
const MOST = 3;

/** Those of the findings that stand in a repository that rests, or that are found each time. */
export async function confirm(
  errors: readonly Finding[],
  { target, before, again }: Confirmation,
): Promise<readonly Finding[]> {
  let [found, seen] = [errors, before];
  for (let looks = 0; looks < MOST && found.length > 0; looks++) {
    const now = await listKeys(target);
    if (isEqual(seen, now)) return found;
    const known = new Set(found.map(keyOf));
    found = (await again(found)).filter((finding) => known.has(keyOf(finding)));
    seen = now;
  }
  return found;
}

const keyOf = ({ code, id }: Finding): string => `${code} ${id}`;

const isEqual = (a: Keys, b: Keys): boolean => a.size === b.size && [...a].every((key) => b.has(key));
