// Where archives lie when nobody says: in the home, where AGH's documentation says to move old sessions.
import { resolve } from "node:path";
import type { Deps } from "../records/deps.ts";
import { defaultRoots } from "../sources/agh/default-roots.ts";
import { archiveDir } from "../sources/agh/layout.ts";

export const archiveTarget = (home: string | undefined, env: Deps["env"]): string =>
  archiveDir(home === undefined ? defaultRoots({ env })[0].dir : resolve(home));
