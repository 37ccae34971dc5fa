// How the projects of AGDD and MAGSAG are recognised.
import { resolve } from "node:path";
import type { Marks } from "../source.ts";
import { isProject, projectOf } from "./layout.ts";

export const marks: Marks = {
  runtime: "agdd",
  rootOf: projectOf,
  detect: isProject,
  marks: ".agdd/storage.db, .magsag/storage.db, .runs/",
  // AGDD works in the directory that it is started in.
  defaultRoots: () => [{ dir: resolve("."), said: "the working directory" }],
};
