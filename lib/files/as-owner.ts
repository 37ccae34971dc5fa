// Root at work in another user's home does it as that user: what he may not touch, a link of his cannot lead to.
import { statSync } from "node:fs";
import { osPath } from "./os-path.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The owner of `root` where we are root and it is somebody else's; undefined where we act as ourselves. */
export function foreignOwner(root: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(osPath(root));
  return uid === 0 ? undefined : { uid, gid };
}

/**
 * Runs synchronous work with the effective user, group and (no) further groups of `owner`; as ourselves without one. The identity is the
 * process's: no other work of it may be under way.
 */
export function asOwner<T>(owner: Owner | undefined, work: () => T): T {
  if (!owner) return work();
  const groups = process.getgroups!();
  process.setgroups!([]);
  process.setegid!(owner.gid);
  process.seteuid!(owner.uid);
  try {
    return work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}
