// A thread that checks events databases, beside the one that looks at what else there is.
import { parentPort, workerData } from "node:worker_threads";
import { joinPath } from "../../../files/os-path.ts";
import { readAhead } from "../../../files/read-ahead.ts";
import { checkIntegrity } from "../../../sqlite/read/integrity-check.ts";
import type { Deps } from "../../../records/deps.ts";
import { openEvents } from "../home/databases.ts";
import { openSettled } from "../events/each-session.ts";
import { EVENTS } from "../home/layout.ts";

export interface IntegrityWorkerData {
  readonly dirs: readonly string[];
  readonly level: "quick" | "full";
  readonly env: Deps["env"];
  /** One for each directory: not 0 where a thread has it in hand. */
  readonly taken: Int32Array<SharedArrayBuffer>;
}

export interface IntegrityResult {
  readonly at: number;
  readonly sound: boolean;
}

const { dirs, level, env, taken } = workerData as IntegrityWorkerData;
const deps = { env, signal: new AbortController().signal };

for (const [at, dir] of dirs.entries()) {
  if (Atomics.exchange(taken, at, 1) === 0)
    parentPort!.postMessage({ at, sound: isSound(dir) } satisfies IntegrityResult);
}

/** False also for what cannot be read: the other thread meets the same, and has words for it. */
function isSound(dir: string): boolean {
  try {
    readAhead(joinPath(dir, EVENTS));
    using reading = openSettled(() => openEvents(dir, deps), deps);
    return checkIntegrity(reading.db, level).length === 0 && reading.unchanged();
  } catch {
    return false;
  }
}
