// The part of a runtime's upkeep that a verb stands on.
import type { OpenPlace } from "../places/detect-source.ts";
import { refusal } from "../records/error.ts";
import type { Upkeep } from "../sources/upkeep.ts";

/** Parts, and the verb that stands on each. */
const VERBS = { databases: "compact", purge: "events" } as const;
type UpkeepPart = keyof typeof VERBS;

/** A home of a runtime without it is refused (4). */
export async function openUpkeep<P extends UpkeepPart>(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  name: P,
): Promise<Required<Upkeep>[P]> {
  const part = (await source.upkeep?.())?.[name];
  if (part) return part as Required<Upkeep>[P];
  throw refusal(
    "E_CANNOT",
    `${home.place} is a home of ${home.runtime}, which agh-vacuum ${VERBS[name]} does not support`,
    "agh-vacuum report lists what frees space there",
  );
}
