// Makes a freshly written tree durable: one call for its file system where there is one, else file by file.
import { spawnSync } from "node:child_process";
import { fsyncDir, fsyncFile } from "./atomic.ts";
import { osPath } from "./os-path.ts";
import { toFileError } from "./errors.ts";
import { belowRoot, walk } from "./walk.ts";

/** An fsync costs milliseconds, for each of thousands of files; syncfs(2), which Node lacks, costs them once. */
export function syncTree(dir: string): void {
  if (syncFileSystem(dir)) return;
  try {
    for (const { path, type } of walk(dir)) {
      if (type === "file") fsyncFile(belowRoot(dir, path));
      else if (type === "directory") fsyncDir(belowRoot(dir, path));
    }
  } catch (error) {
    throw toFileError(dir, "sync", error);
  }
}

/** Makes durable all that was written to the file system of a directory; false where there is no such call. */
export function syncFileSystem(dir: string): boolean {
  const path = osPath(dir);
  return typeof path === "string" && spawnSync("sync", ["-f", "--", path], { stdio: "ignore" }).status === 0;
}
