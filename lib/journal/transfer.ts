// Copies what root has staged into another user's home, as that user: each file is read by us and written by him.
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readSync, utimesSync, writeSync } from "node:fs";
import { asOwner, type Owner } from "../files/as-owner.ts";
import { osPath } from "../files/os-path.ts";
import { belowRoot, walk } from "../files/walk.ts";

const CHUNK = 1 << 20;

export function transferTree(from: string, to: string, owner: Owner | undefined): void {
  const all = [...walk(from)];
  for (const { path, type } of all) {
    const target = belowRoot(to, path);
    if (type === "directory") asOwner(owner, () => mkdirSync(osPath(target), { recursive: true, mode: 0o700 }));
    else if (type === "file") transferFile(belowRoot(from, path), target, owner);
  }
  for (const { path, type, stat } of all.toReversed()) {
    if (path === "" || (type !== "file" && type !== "directory")) continue;
    const time = (Number(stat.mtimeNs / 1000n) + 0.5) / 1e6;
    asOwner(owner, () => {
      chmodSync(osPath(belowRoot(to, path)), Number(stat.mode & 0o777n));
      utimesSync(osPath(belowRoot(to, path)), time, time);
    });
  }
}

/** Reads a file as ourselves and writes it, durably, as `owner`. The new one must not be there. */
export function transferFile(from: string, to: string, owner: Owner | undefined): void {
  const source = openSync(osPath(from), "r");
  try {
    asOwner(owner, () => copyTo(source, to));
  } finally {
    closeSync(source);
  }
}

function copyTo(source: number, to: string): void {
  const buffer = Buffer.allocUnsafe(CHUNK);
  const target = openSync(osPath(to), "wx", 0o600);
  try {
    for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) {
      for (let at = 0; at < read;) at += writeSync(target, buffer, at, read - at);
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}
