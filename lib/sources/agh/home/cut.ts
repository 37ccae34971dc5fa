// One moment of a live AGH home: the catalog held fast while the WAL lengths and metas of all live sessions are noted.
import { closeSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity } from "../../../files/identity.ts";
import { isLedAstray } from "../../../files/link-target.ts";
import { joinPath } from "../../../files/os-path.ts";
import { readLocks } from "../../../files/proc-locks.ts";
import type { Scratch } from "../../../files/scratch.ts";
import { listNames, openRegularFile, type WalkEntry } from "../../../files/walk.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { copyCut, noteCut, type Cut } from "../../../sqlite/copy/cut.ts";
import { openReadSnapshot } from "../../../sqlite/read/read-snapshot.ts";
import { walPath } from "../../../sqlite/sidecars.ts";
import { walOwners } from "../../../sqlite/wal-owners.ts";
import type { CopiedDatabase, HomeCut, ReadFile } from "../../home-cut.ts";
import type { Home } from "../../source.ts";
import { readCatalog } from "./databases.ts";
import { CATALOG, catalogFile, EVENTS, META, sessionDir, sessionsDir } from "./layout.ts";
import { checkMeta } from "../sessions/meta.ts";

type ReadDeps = Pick<Deps, "env" | "signal">;

/** Notes the cut; undefined when nobody has the catalog open, so that nothing moves. E_BUSY when writers never let it. */
export async function takeCut(home: Home, scratch: Scratch, deps: ReadDeps): Promise<HomeCut | undefined> {
  const { root, live } = home;
  const catalog = catalogFile(root);
  if (isLedAstray(catalog)) return undefined; // the walk finds it, and says so
  const owners = live ? walOwners(catalog, readLocks()) : [];
  if (owners && owners.length === 0) return undefined;
  const dir = scratch.fresh();
  return owners ? pinnedCut(root, dir, deps) : notedCut(root, dir, deps);
}

/** The daemon has the catalog open: a short read transaction holds the moment. */
async function pinnedCut(root: string, dir: string, deps: ReadDeps): Promise<HomeCut> {
  const file = joinPath(dir, CATALOG);
  const noted = await (async (): Promise<Noted> => {
    using pinned = openReadSnapshot(catalogFile(root), { timeout: 10_000 });
    const noted = noteSessions(root);
    await pinned.backupInto(file);
    return noted;
  })();
  return cutOf({ noted, copy: { file, copied: "online" }, workspaces: workspacesIn(dir, deps) });
}

const TRIES = 50;

/** Whether somebody has it open cannot be known here: no lock and no sidecar, but noted anew until it held still. */
async function notedCut(root: string, dir: string, deps: ReadDeps): Promise<HomeCut | undefined> {
  const file = joinPath(dir, CATALOG);
  for (let tries = 0; tries < TRIES; tries++) {
    const cut = noteCut(catalogFile(root));
    if (!cut.main || !cut.wal) return undefined;
    const noted = noteSessions(root);
    if (!cut.fresh && copyCut(catalogFile(root), cut, file) === "same") {
      return cutOf({ noted, copy: { file, copied: "pair" }, workspaces: workspacesIn(dir, deps) });
    }
    await sleep(25);
  }
  const hint = "run the command again when less is written to the home";
  throw new ToolError({
    code: "E_BUSY",
    message: `${catalogFile(root)} changed ${TRIES} times while it was copied`,
    hint,
    exit: EXIT.busy,
  });
}

interface Noted {
  readonly at: Date;
  readonly ended: Date;
  /** Names in sessions/: what is not among them was born later. */
  readonly names: ReadonlySet<string>;
  readonly databases: Map<string, Cut>;
  readonly files: Map<string, ReadFile>;
}

/** Every session whose WAL has content: what its databases are, and its meta.json. Two stats for each of the others. */
function noteSessions(root: string): Noted {
  const at = new Date();
  const names = listNames(sessionsDir(root));
  const databases = new Map<string, Cut>();
  for (const name of names) {
    const file = joinPath(sessionDir(root, name), EVENTS);
    const wal = statIdentity(walPath(file));
    if (wal && wal.size > 0n) databases.set(`sessions/${name}/${EVENTS}`, noteCut(file));
  }
  const ended = new Date();
  const files = new Map<string, ReadFile>();
  for (const path of databases.keys()) {
    const meta = path.slice(0, -EVENTS.length) + META;
    const read = readSmall(joinPath(root, meta));
    if (read) files.set(meta, read);
  }
  return { at, ended, names: new Set(names), databases, files };
}

const SMALL = 1 << 20;

/** A file read at once; undefined when it is gone, or so large that it is no meta.json. */
function readSmall(file: string): ReadFile | undefined {
  const opened = openRegularFile(file, { follow: true });
  if (!opened) return undefined;
  try {
    const size = Number(opened.stat.size);
    if (size > SMALL || isLedAstray(file, opened.fd)) return undefined;
    const bytes = Buffer.alloc(size);
    return { bytes: bytes.subarray(0, readSync(opened.fd, bytes, 0, size, 0)), stat: opened.stat };
  } finally {
    closeSync(opened.fd);
  }
}

/** Ids of the workspaces in the copied catalog; undefined when it cannot tell. */
function workspacesIn(dir: string, deps: ReadDeps): ReadonlySet<string> | undefined {
  try {
    return readCatalog(
      dir,
      deps,
      (db) =>
        new Set(
          db
            .prepare("SELECT id FROM workspaces")
            .all()
            .map((row) => String(row["id"])),
        ),
    );
  } catch (error) {
    // A catalog that is damaged or foreign is copied all the same; what it lacks cannot be told then.
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}

interface Parts {
  readonly noted: Noted;
  readonly copy: CopiedDatabase;
  readonly workspaces: ReadonlySet<string> | undefined;
}

function cutOf({ noted, copy, workspaces }: Parts): HomeCut {
  const { at, ended, names, databases, files } = noted;
  const cutNs = BigInt(at.getTime()) * 1_000_000n;
  return {
    at,
    skewMs: ended.getTime() - at.getTime(),
    copies: new Map([[CATALOG, copy]]),
    databases,
    files,
    excludes: (root, found) => {
      if (root === "home") {
        const name = SESSION_DIR.exec(found.path)?.[1];
        if (name !== undefined && found.type === "directory") {
          if (!names.has(name)) return "created after the cut; the next run includes it";
          if (isUnknown(files.get(`sessions/${name}/${META}`), found, { workspaces, cutNs })) {
            return "its workspace was created after the cut, and AGH does not start without it; the next run includes it";
          }
          return undefined;
        }
        if (!found.path.startsWith("sessions/")) return undefined;
      } else if (root !== "ledgers") return undefined;
      const young =
        found.type === "file" && /\/ledger\.(?:jsonl|seal)$/.test(found.path) && found.stat.ctimeNs >= cutNs;
      return young ? "the ledger is newer than the cut; the next run includes it" : undefined;
    },
  };
}

const SESSION_DIR = /^sessions\/([^/]+)$/;

/** A live session whose workspace row came between the catalog's moment and the notes; an old one is taken as it is. */
function isUnknown(
  meta: ReadFile | undefined,
  found: WalkEntry,
  { workspaces, cutNs }: { workspaces: ReadonlySet<string> | undefined; cutNs: bigint },
): boolean {
  if (!meta || !workspaces || found.stat.birthtimeNs < cutNs - SECOND) return false;
  const reading = checkMeta(meta.bytes.toString("utf8"));
  return "meta" in reading && !workspaces.has(reading.meta.workspace_id);
}

const SECOND = 1_000_000_000n;
