// How AGH's homes are recognised, and where they lie by default.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { DefaultRoot, RuntimeMarkers } from "../../source.ts";
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

/** AGH_HOME (trimmed, `~` expanded), then ~/.agh. */
function defaultRoots({ env }: Pick<Deps, "env">): readonly [DefaultRoot, ...DefaultRoot[]] {
  const own = env["HOME"] ?? "";
  const usual = { dir: joinPath(own, ".agh"), label: "~/.agh" };
  const named = env["AGH_HOME"]?.trim();
  if (!named) return [usual];
  return [{ dir: resolve(/^~(?:\/|$)/.test(named) ? own + named.slice(1) : named), label: "AGH_HOME" }, usual];
}
