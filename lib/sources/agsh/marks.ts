// How agsh's homes are recognised, and where they lie by default.
import type { Marks } from "../source.ts";
import { defaultRoots, homeOf } from "./layout.ts";
import { isHome } from "./recognise.ts";

export const marks: Marks = {
  runtime: "agsh",
  rootOf: homeOf,
  detect: isHome,
  marks: "sessions.db, meka.db",
  defaultRoots,
};
