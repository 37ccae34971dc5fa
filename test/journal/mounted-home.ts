// Homes with something mounted in them, and what is done to them.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import { listMounts } from "../../lib/files/mounts.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { runHere, type Ran } from "../support/memory.ts";

export interface MountedWorld {
  readonly home: string;
  readonly repo: string;
  readonly archives: string;
  readonly ids: readonly string[];
  /** Room outside of the home. */
  readonly dir: string;
}

export interface MountKind {
  readonly at: (world: MountedWorld) => string;
  readonly kind: "tmpfs" | "bind" | "read-only" | "overlay";
}

export const session = ({ ids }: MountedWorld): string => `sessions/${ids[0]}`;

/** Where something is mounted, and what. */
export const MOUNTS: { readonly [name: string]: MountKind } = {
  "tmpfs on sessions": { at: () => "sessions", kind: "tmpfs" },
  "bind on sessions": { at: () => "sessions", kind: "bind" },
  "read-only sessions": { at: () => "sessions", kind: "read-only" },
  "overlay on sessions": { at: () => "sessions", kind: "overlay" },
  "tmpfs on a session": { at: session, kind: "tmpfs" },
  "bind on a session": { at: session, kind: "bind" },
  "bind on agh.db": { at: () => "agh.db", kind: "bind" },
  "bind on an events.db": { at: (world) => `${session(world)}/events.db`, kind: "bind" },
  "bind on a ledger's directory": {
    at: ({ home }) => `sessions/${readdirSync(join(home, "sessions")).find((name) => name.startsWith("ws_"))}`,
    kind: "bind",
  },
  "tmpfs on logs": { at: () => "logs", kind: "tmpfs" },
  "tmpfs on .agh-toolkit": { at: () => ".agh-toolkit", kind: "tmpfs" },
  "bind on the trash": { at: () => ".agh-toolkit/trash", kind: "bind" },
  "overlay on the home": { at: () => "", kind: "overlay" },
};

/** The home with a mount in it, its content as it was; what was mounted is unmounted when the test ends. */
export function mountOn({ home, dir }: MountedWorld, { kind }: MountKind, path: string): () => void {
  const target = join(home, path);
  const copy = join(dir, "lower");
  const sh = (...argv: string[]): void => void execFileSync(argv[0]!, argv.slice(1), { stdio: "pipe" });
  if (path === ".agh-toolkit/trash" || path === ".agh-toolkit") mkdirSync(target, { recursive: true, mode: 0o700 });
  cpSync(target, copy, { recursive: true, preserveTimestamps: true });
  if (kind === "overlay") {
    const room = join(dir, "overlay");
    mkdirSync(room);
    sh("mount", "-t", "tmpfs", "tmpfs", room); // an overlay lies on no overlay
    for (const name of ["upper", "work"]) mkdirSync(join(room, name));
    sh("cp", "-a", copy, join(room, "lower"));
    const layers = `lowerdir=${room}/lower,upperdir=${room}/upper,workdir=${room}/work`;
    sh("mount", "-t", "overlay", "overlay", "-o", layers, target);
    return () => sh("umount", target, room);
  }
  if (kind === "tmpfs") {
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", target);
    sh("cp", "-a", `${copy}/.`, target);
  } else sh("mount", "--bind", copy, target);
  if (kind === "read-only") sh("mount", "-o", "remount,bind,ro", target);
  return () => sh("umount", target);
}

export const NOW = "2027-01-01T00:00:00Z";
export const run = async (tool: Tool, ...argv: string[]): Promise<Ran> => runHere(tool, argv);
export const retire = ({ home }: MountedWorld, ...more: string[]): Promise<Ran> =>
  run(vacuum, "sessions", "--older-than", "0s", "--home", home, "--now", NOW, ...more, "--apply");

export const spoil = async ({ home, ids }: MountedWorld): Promise<void> => {
  for (const id of ids) appendFileSync(join(home, "sessions", id, "meta.json"), " ");
  appendFileSync(join(home, "config.toml"), "# later\n");
};
export const put = async ({ home, archives }: MountedWorld): Promise<void> =>
  assert.equal((await run(archive, "put", "--all", "--home", home, "--to", archives)).code, 0);
export const seal = async ({ home }: MountedWorld): Promise<void> =>
  assert.equal((await run(ledger, "seal", "--all", "--home", home)).code, 0);
export const isSpoilt = ({ home }: MountedWorld, id: string): boolean =>
  readFileSync(join(home, "sessions", id, "meta.json"), "utf8").endsWith(" ");
export const isThere = ({ home }: MountedWorld, id: string): boolean =>
  existsSync(join(home, "sessions", id, "events.db"));

export async function worldIn(dir: string): Promise<MountedWorld> {
  const { home, ids } = makeHome(join(dir, "home", ".agh"), { sessions: 2, events: 4 });
  const template: MountedWorld = { home, ids, dir, repo: join(dir, "repo"), archives: join(dir, "archives") };
  for (const argv of [["init"], ["create", "--home", home, "--home-id", "h"]]) {
    assert.equal((await run(backup, ...argv, "--repo", template.repo)).code, 0);
  }
  return template;
}

export const canMount =
  process.geteuid?.() === 0 && listMounts().length > 0 && spawnSync("unshare", ["-m", "true"]).status === 0;
