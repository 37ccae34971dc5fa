// What is put into somebody's home belongs to whom the home belongs to.
import { lchownSync, statSync } from "node:fs";
import { osPath } from "./os-path.ts";
import { belowRoot, walk } from "./walk.ts";

/** Gives all of `dir` the owner and group of `home` (chown -R --reference); only root can, and only then it is needed. */
export function chownLike(dir: string, home: string): void {
  const [mine, theirs] = [statSync(osPath(dir)), statSync(osPath(home))];
  if (mine.uid === theirs.uid && mine.gid === theirs.gid) return;
  for (const { path } of walk(dir)) lchownSync(osPath(belowRoot(dir, path)), theirs.uid, theirs.gid);
}
