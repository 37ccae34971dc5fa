// The permission mode that a session runs under, from its meta.json.
import { joinPath } from "../../../files/os-path.ts";
import type { Home } from "../../source.ts";
import { META } from "../home/layout.ts";
import { readMeta } from "./meta.ts";
import { findSessionDir } from "./scan.ts";

/** Null where the session's meta does not say. */
export function readPermissionMode(home: Home, sessionId: string): string | null {
  const dir = findSessionDir(home.root, sessionId);
  const read = dir === undefined ? undefined : readMeta(joinPath(dir, META));
  return read && "meta" in read ? (read.meta.effective_permissions ?? null) : null;
}
