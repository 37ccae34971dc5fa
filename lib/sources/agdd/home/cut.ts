// One moment of a project whose databases are being written to.
import { closeSync, readFileSync } from "node:fs";
import { isLedAstray } from "../../../files/link-target.ts";
import { joinPath } from "../../../files/os-path.ts";
import { openRegularFile } from "../../../files/walk.ts";
import { noteCut, type Cut } from "../../../sqlite/copy/cut.ts";
import type { HomeCut, ReadFile } from "../../home-cut.ts";
import type { Home } from "../../source.ts";
import { COST_DATABASES, COST_LEDGERS, STORAGE } from "./layout.ts";

const DATABASES = [`.agdd/${STORAGE}`, `.magsag/${STORAGE}`, STORAGE, ...COST_DATABASES];
const SMALL = 4 << 20;

/**
 * Databases first, then the cost ledgers that AGDD writes before them, so that what a copied database has stands in the ledger, too.
 * Undefined when no database has a WAL: then nothing moves.
 */
export async function takeCut({ root, live }: Home): Promise<HomeCut | undefined> {
  if (!live) return undefined;
  const at = new Date();
  const databases = new Map<string, Cut>();
  for (const path of DATABASES) {
    const cut = noteCut(joinPath(root, path));
    if (cut.main && cut.wal) databases.set(path, cut);
  }
  if (databases.size === 0) return undefined;
  const files = new Map<string, ReadFile>();
  for (const path of COST_LEDGERS) {
    const read = readSmall(joinPath(root, path));
    if (read) files.set(path, read);
  }
  const skewMs = Date.now() - at.getTime();
  return { at, skewMs, copies: new Map(), databases, files, excludes: () => undefined };
}

/** A ledger that grows meanwhile ends at a line or is torn there, which its readers know. */
function readSmall(file: string): ReadFile | undefined {
  const opened = openRegularFile(file, { follow: true });
  if (!opened) return undefined;
  const { fd, stat } = opened;
  try {
    if (stat.size > SMALL || isLedAstray(file, fd)) return undefined;
    return { bytes: readFileSync(fd).subarray(0, Number(stat.size)), stat };
  } finally {
    closeSync(fd);
  }
}
