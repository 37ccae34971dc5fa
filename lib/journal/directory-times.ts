// Times of directories, noted before a change and given back when it is undone, to the microsecond.
import { lstatSync, utimesSync } from "node:fs";
import { osPath } from "../files/os-path.ts";

export const timeOfDirectory = (dir: string): string => String(lstatSync(osPath(dir), { bigint: true }).mtimeNs);

export function giveTimes(times: ReadonlyMap<string, string>): void {
  for (const [dir, ns] of times) {
    const at = BigInt(ns) % 1_000_000_000n === 0n ? Number(ns) / 1e9 : (Number(BigInt(ns) / 1000n) + 0.5) / 1e6;
    if (lstatSync(osPath(dir), { throwIfNoEntry: false })) utimesSync(osPath(dir), at, at);
  }
}
