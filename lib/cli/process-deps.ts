// What a tool function gets of this process.
import type { Deps } from "../records/deps.ts";

export const processDeps = (): Pick<Deps, "now" | "env" | "platform" | "isAlive"> => ({
  now: () => new Date(),
  env: process.env,
  platform: process.platform,
  isAlive,
});

/** Undefined where it cannot be known. */
export function isAlive(pid: number): boolean | undefined {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EPERM" ? true : code === "ESRCH" ? false : undefined;
  }
}
