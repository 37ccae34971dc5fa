// The SHA-256 of a file.
import { createHash } from "node:crypto";
import { closeSync, readSync } from "node:fs";
import { openRegularFile } from "./walk.ts";

/** Undefined when there is no regular file of that name, or (where asked for) not of that size. */
export function hashFile(path: string, size?: number): string | undefined {
  const opened = openRegularFile(path);
  if (!opened) return undefined;
  try {
    if (size !== undefined && Number(opened.stat.size) !== size) return undefined;
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(1 << 20, Number(opened.stat.size) + 1)));
    for (let read = 1; read > 0;) {
      read = readSync(opened.fd, buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, read));
    }
    return hash.digest("hex");
  } finally {
    closeSync(opened.fd);
  }
}
