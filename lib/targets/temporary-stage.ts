// Where files are staged for a target that is no directory.
import { tmpdir } from "node:os";
import { scratchDir } from "../files/scratch.ts";
import type { Stage } from "./target.ts";

/** A private directory in the system's temporary one. */
export function temporaryStage(): Stage {
  const { path: dir, remove: discard } = scratchDir({ TMPDIR: tmpdir() });
  return { dir, discard, [Symbol.dispose]: discard };
}
