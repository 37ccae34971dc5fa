// The custody of an open place: its runtime's, and the home's own.
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { Custody, HomeCustody } from "../sources/custody.ts";
import { loadSource } from "../sources/runtimes.ts";

export interface OpenCustody {
  /** The runtime's. */
  readonly of: Custody;
  readonly custody: HomeCustody;
}

/** Throws (4) for a runtime whose sessions cannot be taken apart, and where the home's settings do not tell where its sessions lie. */
export async function openCustody(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  deps: Deps,
): Promise<OpenCustody> {
  const of = await source.custody?.();
  if (!of)
    throw refusal(
      "E_CANNOT",
      `${home.place} is a home of ${home.runtime}, whose sessions can be neither archived nor removed`,
    );
  return { of, custody: await of.open(home, deps) };
}

/** The custody of a runtime whose name is written down. Throws (4) for one whose sessions cannot be archived. */
export async function loadCustody(runtime: string): Promise<Custody> {
  const custody = await (await loadSource(runtime)).custody?.();
  if (custody) return custody;
  throw refusal("E_CANNOT", `${runtime} has no sessions that can be archived`);
}
