// Opens a home for verbs that are about AGH's files alone.
import { openAble, type Place } from "../places/at-home.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";

/** Homes of other runtimes are refused (4). */
export async function openOfAgh(place: Place, verb: string, deps: Deps): Promise<OpenPlace> {
  const opened = await openAble(place, "vacuum", deps);
  const { runtime, place: said } = opened.home;
  if (runtime === "agh") return opened;
  opened[Symbol.dispose]();
  throw refusal(
    "E_CANNOT",
    `${said} is a home of ${runtime}, for which ${verb} is not made`,
    "agh-vacuum report says what frees bytes there",
  );
}
