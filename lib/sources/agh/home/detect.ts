// How AGH's homes are recognised, and where they lie by default.
import { existsSync, statSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { RuntimeMarkers } from "../../source.ts";
import { defaultRoots } from "./default-roots.ts";
import { archiveDir, catalogFile, sessionsDir } from "./layout.ts";

export const aghMarkers: RuntimeMarkers<"agh"> = {
  runtime: "agh",
  detect: (root) =>
    existsSync(osPath(catalogFile(root))) ||
    statSync(osPath(sessionsDir(root)), { throwIfNoEntry: false })?.isDirectory() === true,
  hasCommonMarkers: true,
  names: [".agh"],
  markers: "agh.db, sessions/",
  defaultRoots,
  defaultArchive: archiveDir,
};
