// The agents that a home describes, whether they have worked or not.
import { readdirSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";

export function listAgentNames(root: string): string[] {
  try {
    return readdirSync(osPath(joinPath(root, "agents"))).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
