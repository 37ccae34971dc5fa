// The runtimes: which of them wrote what lies in a directory, and the source that reads it.
import { placeError, usageError } from "../records/error.ts";
import { agddMarkers } from "./agdd/home/detect.ts";
import { aghMarkers } from "./agh/home/detect.ts";
import { agshMarkers } from "./agsh/home/detect.ts";
import type { RuntimeMarkers, Source } from "./source.ts";

/** Its source is loaded where one of its homes is met: start-up pays for no other. */
export interface Runtime extends RuntimeMarkers {
  load(): Promise<Source>;
}

const BUILT_IN = [
  { ...aghMarkers, load: async () => (await import("./agh/agh.ts")).agh },
  { ...agshMarkers, load: async () => (await import("./agsh/agsh.ts")).agsh },
  { ...agddMarkers, load: async () => (await import("./agdd/agdd.ts")).agdd },
];

export type KnownRuntime = (typeof BUILT_IN)[number]["runtime"];
/** A built-in runtime, or one that was registered. */
export type RuntimeName = KnownRuntime | (string & {});

const registered: Runtime[] = [...BUILT_IN];

/** All that are known, the built-in ones first. */
export const RUNTIMES: readonly Runtime[] = registered;

export const runtimeNames = (): string[] => RUNTIMES.map(({ runtime }) => runtime);

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/** Adds a runtime, before the first home is opened. Throws (2) for a name that is taken, or that no flag could bear. */
export function registerSource(runtime: Runtime): void {
  const name = runtime.runtime;
  if (!NAME.test(name) || name === "auto") {
    throw usageError(`'${name}' cannot be the name of a runtime`, "lower-case letters, digits and '-', at most 32");
  }
  if (findByName(name)) throw usageError(`a runtime named '${name}' is already registered`);
  registered.push(runtime);
}

/** False for one that was registered: another thread does not know it. */
export const canLoadInWorkers = (name: RuntimeName): boolean => BUILT_IN.some(({ runtime }) => runtime === name);

const findByName = (name: string): Runtime | undefined => RUNTIMES.find(({ runtime }) => runtime === name);

/** The source of a runtime whose name is written down. Throws (6) for one that is not known here. */
export function loadSource(name: RuntimeName): Promise<Source> {
  const runtime = findByName(name);
  if (runtime) return runtime.load();
  throw placeError(
    "E_UNKNOWN_RUNTIME",
    `runtime '${name}' is not known here`,
    `known are ${runtimeNames().join(", ")}; a program registers others with registerSource`,
  );
}

/** The runtime whose markers a directory bears; undefined when none does. */
export function detectRuntime(root: string, runtimes: readonly Runtime[] = RUNTIMES): Runtime | undefined {
  const found = runtimes.filter((one) => one.detect(root));
  return found.find(({ hasCommonMarkers }) => !hasCommonMarkers) ?? found[0];
}
