// Where an AGH home is looked for when none is named.
import { resolve } from "node:path";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { DefaultRoot } from "../../source.ts";

/** AGH_HOME (trimmed, `~` expanded), then ~/.agh. */
export function defaultRoots({ env }: Pick<Deps, "env">): readonly [DefaultRoot, ...DefaultRoot[]] {
  const own = env["HOME"] ?? "";
  const usual = { dir: joinPath(own, ".agh"), label: "~/.agh" };
  const named = env["AGH_HOME"]?.trim();
  if (!named) return [usual];
  return [{ dir: resolve(/^~(?:\/|$)/.test(named) ? own + named.slice(1) : named), label: "AGH_HOME" }, usual];
}
