// What keeps AGH from starting before it has changed anything: settings, layout, the lock.
import { readFileSync, statSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { Home } from "../../source.ts";
import { unknownKeys, unknownServerKeys } from "../home/config-keys.ts";
import { readConfigTable } from "../home/config.ts";
import { sessionsDir } from "../home/layout.ts";
import { findDaemon } from "../home/liveness.ts";

/** Reasons in the order AGH meets them, each led by its code; values are not judged, only keys. */
export async function findEarlyRefusals(home: Home, deps: Deps): Promise<string[]> {
  return [...(await configRefusals(home.root)), ...layoutRefusals(home.root), ...lockRefusals(home, deps)];
}

async function configRefusals(root: string): Promise<string[]> {
  return [...(await tomlRefusals(root)), ...serverRefusals(root)];
}

async function tomlRefusals(root: string): Promise<string[]> {
  try {
    const unknown = unknownKeys(await readConfigTable(root));
    return unknown.length > 0 ? [`CONFIG_UNKNOWN_KEY: config.toml sets ${unknown.join(", ")}`] : [];
  } catch (error) {
    if (error instanceof ToolError) return [`CONFIG_UNPARSABLE: ${error.message}`];
    throw error;
  }
}

function serverRefusals(root: string): string[] {
  const file = joinPath(root, "mcp.json");
  if (!statSync(osPath(file), { throwIfNoEntry: false })) return [];
  try {
    const unknown = unknownServerKeys(JSON.parse(readFileSync(osPath(file), "utf8")) as never);
    return unknown.length > 0 ? [`MCP_UNKNOWN_FIELD: mcp.json sets ${unknown.join(", ")}`] : [];
  } catch (error) {
    return [`MCP_UNPARSABLE: mcp.json cannot be read: ${(error as Error).message}`];
  }
}

function layoutRefusals(root: string): string[] {
  const stats = statSync(osPath(sessionsDir(root)), { throwIfNoEntry: false });
  return stats && !stats.isDirectory() ? ["LAYOUT: sessions is not a directory"] : [];
}

function lockRefusals(home: Home, deps: Deps): string[] {
  const { alive, pid } = findDaemon(home, deps);
  if (alive !== true) return [];
  return [
    `LOCK_HELD: daemon.lock is held${pid === undefined ? "" : ` by process ${pid}`}: a daemon is running already`,
  ];
}
