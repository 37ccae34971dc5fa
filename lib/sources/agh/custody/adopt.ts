// Sessions' directories that were moved by hand: AGH indexes one at its next start, which needs its workspace's row.
import { lstatSync } from "node:fs";
import { basename, dirname } from "node:path";
import { hashFile } from "../../../files/hash-file.ts";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { scratchDir } from "../../../files/scratch.ts";
import { walk } from "../../../files/walk.ts";
import { PARTS, type ReceiptFile } from "../../../formats/archive/receipt.ts";
import { decodeRows } from "../../../formats/archive/rows.ts";
import { readConsistently } from "../../../sqlite/read/open.ts";
import type { AdoptedSession, ManualDirectories, ManualFacts, OwnPath } from "../../custody.ts";
import { listOwnPaths } from "../../own-trees.ts";
import { EVENTS, isId, META } from "../home/layout.ts";
import { readMeta } from "../sessions/meta.ts";
import { isMadeAnew } from "./session-home.ts";
import { encodeWorkspaceRow } from "./workspace-lines.ts";

export const manual: ManualDirectories = { names: [META, EVENTS], idOf, factsOf, within, adopt };

function idOf(dir: string): string {
  const read = readMeta(joinPath(dir, META));
  return "meta" in read && isId(read.meta.id) ? read.meta.id : basename(dir);
}

function factsOf(dir: string): ManualFacts | undefined {
  const read = readMeta(joinPath(dir, META));
  if (!("meta" in read)) return undefined;
  const { name, agent_name, workspace_id, state, stop_reason, created_at } = read.meta;
  return {
    name: name || null,
    agent_name,
    workspace_id,
    state,
    stop_reason: stop_reason || null,
    created_at: created_at ?? null,
  };
}

function within(dir: string): string | undefined {
  for (const { path, type } of walk(dir)) {
    if (type !== "file" || !/(?:^|\/)meta\.json$/.test(path)) continue;
    const above = dirname(joinPath(dir, path));
    if (lstatSync(osPath(joinPath(above, EVENTS)), { throwIfNoEntry: false })?.isFile()) return above;
  }
  return undefined;
}

function adopt(
  id: string,
  given: string,
  { env, signal }: Parameters<ManualDirectories["adopt"]>[2],
): AdoptedSession | undefined {
  const dir = within(given);
  const read = dir === undefined ? undefined : readMeta(joinPath(dir, META));
  if (dir === undefined || !read || !("meta" in read) || read.meta.id !== id) return undefined;
  const files = listOwnPaths([{ part: PARTS.session, dir }], { isIgnored: isMadeAnew }).paths.map(fileOf);
  const lines = Buffer.from(encodeWorkspaceRow(read.meta));
  return {
    id,
    runtime: "agh",
    homeId: undefined,
    dir,
    partition: null,
    files,
    schema: undefined,
    rows: async () => decodeRows(lines),
    withFile: async (path, use) => use(dir + path.slice(PARTS.session.length)),
    database: async (path, use) => {
      using scratch = scratchDir(env);
      return readConsistently(dir + path.slice(PARTS.session.length), { scratch, signal }, use);
    },
  };
}

function fileOf({ path, from, found: { type, stat } }: OwnPath): ReceiptFile {
  const mode = (stat.mode & 0o777n).toString(8).padStart(4, "0");
  const mtime_us = Number(stat.mtimeNs / 1000n);
  if (type === "directory") return { path, type, size: 0, mode, mtime_us };
  return { path, type: "file", size: Number(stat.size), mode, mtime_us, sha256: hashFile(from) ?? "" };
}
