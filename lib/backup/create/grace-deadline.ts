// How long a run may last: what it stored without a manifest counts as garbage after the prune's grace time.
import { EXIT, ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";

const HOUR_MS = 3_600_000;

/** The grace time that prune allows by default. */
export const GRACE_MS = 24 * HOUR_MS;

/** Begun now; the function it returns throws (6) once the grace time has passed, by either clock. */
export function startGraceDeadline({ now }: Pick<Deps, "now">): () => void {
  const [began, counted] = [now().getTime(), performance.now()];
  return () => {
    // A clock can be set back, and the counter stands still while the machine sleeps.
    const lasted = Math.max(now().getTime() - began, performance.now() - counted);
    if (lasted < GRACE_MS) return;
    throw new ToolError({
      code: "E_TOO_LATE",
      message: `the run has lasted ${Math.floor(lasted / HOUR_MS)} h: a prune may have taken what it stored for garbage`,
      hint: "run it again: chunks that are still stored are not stored twice",
      exit: EXIT.place,
    });
  };
}
