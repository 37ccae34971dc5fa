// How the projects of AGDD and MAGSAG are recognised.
import { resolve } from "node:path";
import type { RuntimeMarkers } from "../../source.ts";
import { isProject, projectOf } from "./layout.ts";

export const agddMarkers: RuntimeMarkers<"agdd"> = {
  runtime: "agdd",
  rootOf: projectOf,
  detect: isProject,
  markers: ".agdd/storage.db, .magsag/storage.db, .runs/",
  // AGDD works in the directory that it is started in.
  defaultRoots: () => [{ dir: resolve("."), label: "the working directory" }],
};
