// How agsh's homes are recognised, and where they lie by default.
import type { RuntimeMarkers } from "../../source.ts";
import { defaultRoots, homeOf } from "./layout.ts";
import { isHome } from "./is-home.ts";

export const agshMarkers: RuntimeMarkers<"agsh"> = {
  runtime: "agsh",
  rootOf: homeOf,
  detect: isHome,
  names: ["agsh", "meka"],
  markers: "sessions.db, meka.db",
  defaultRoots,
};
