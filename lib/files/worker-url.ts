// Where a worker's file is: beside the sources in development, an entry of its own in the bundle.
import { existsSync } from "node:fs";

/** The URL of `name`, a path from the project's root without its ending (`lib/backup/pack-worker`). */
export function workerUrl(name: string): URL {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".mjs";
  // This very code may end up in lib/files, in a shared chunk or in a command's bundle.
  for (const up of ["../../", "../", "./"]) {
    const url = new URL(up + name + ending, import.meta.url);
    if (existsSync(url)) return url;
  }
  throw new Error(`the file of ${name} does not exist`);
}
