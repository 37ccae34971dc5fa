// Opens a home for verbs that are about AGH's files alone.
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";

/** Homes of other runtimes are refused (4). */
export async function openAghHome(place: Place, verb: string, deps: Deps): Promise<OpenPlace> {
  const opened = await openWithCapability(place, "vacuum", deps);
  const { runtime, place: label } = opened.home;
  if (runtime === "agh") return opened;
  opened[Symbol.dispose]();
  throw refusal(
    "E_CANNOT",
    `${label} is a home of ${runtime}, which agh-vacuum ${verb} does not support`,
    "agh-vacuum report lists what frees space there",
  );
}
