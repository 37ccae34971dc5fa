// Homes whose parts lie elsewhere, behind symbolic links.
import { execFileSync } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { TestContext } from "node:test";
import { madeHome } from "./homes.ts";
import { tempDir } from "./temp.ts";

/** Moves a path of the home elsewhere, with what SQLite keeps beside it, and leaves a link. */
export function moved(home: string, path: string, disk: string, text = (to: string): string => to): string {
  const to = join(disk, `moved-${basename(path)}`);
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(join(home, path) + suffix)) renameSync(join(home, path) + suffix, to + suffix);
  }
  symlinkSync(text(to), join(home, path));
  return path;
}

export interface LinkedHome {
  readonly name: string;
  /** The paths that are links then. */
  readonly links: (home: string, disk: string, ids: readonly string[]) => string[];
}

const skill = (home: string): void => {
  mkdirSync(join(home, "skills/review"), { recursive: true });
  writeFileSync(join(home, "skills/review/SKILL.md"), "# review");
};

export const FOLLOWED: readonly LinkedHome[] = [
  ...["config.toml", "agents", "agh.db", "sessions", "logs"].map((path) => ({
    name: path,
    links: (home: string, disk: string) => [moved(home, path, disk)],
  })),
  { name: "one session", links: (home, disk, [id]) => [moved(home, `sessions/${id!}`, disk)] },
  { name: "events.db", links: (home, disk, [id]) => [moved(home, `sessions/${id!}/events.db`, disk)] },
  { name: "meta.json", links: (home, disk, [id]) => [moved(home, `sessions/${id!}/meta.json`, disk)] },
  {
    name: "a ledger's partition",
    links: (home, disk) => [
      moved(home, `sessions/${readdirSync(join(home, "sessions")).find((it) => it.startsWith("ws_"))!}`, disk),
    ],
  },
  {
    name: "a file of a skill, by a relative text",
    links: (home, disk) => {
      skill(home);
      return [moved(home, "skills/review/SKILL.md", disk, (to) => relative(join(home, "skills/review"), to))];
    },
  },
  {
    name: "a link to a link",
    links: (home, disk) => {
      moved(home, "agents", disk);
      renameSync(join(home, "agents"), join(disk, "second"));
      symlinkSync(join(disk, "second"), join(home, "agents"));
      return ["agents"];
    },
  },
  {
    name: "a link below a link",
    links: (home, disk, [id]) => [moved(home, `sessions/${id!}`, disk), moved(home, "sessions", disk)].reverse(),
  },
  {
    name: "the same directory twice",
    links: (home, disk) => {
      mkdirSync(join(disk, "skills"));
      writeFileSync(join(disk, "skills/SKILL.md"), "shared");
      return ["a", "b"].map((name) => {
        mkdirSync(join(home, "agents", name), { recursive: true });
        symlinkSync(join(disk, "skills"), join(home, "agents", name, "skills"));
        return `agents/${name}/skills`;
      });
    },
  },
  {
    name: "a hard link beside it",
    links: (home, disk) => {
      linkSync(join(home, "config.toml"), join(disk, "config.toml"));
      return [];
    },
  },
];

/** A home of two sessions, and a directory on the side. */
export function homeAndDisk(t: TestContext): { home: string; disk: string; ids: readonly string[] } {
  return { ...madeHome(t, { sessions: 2, events: 6 }), disk: tempDir(t, "disk") };
}

/** What the runtime sees: every link resolved. */
export function resolved(t: TestContext, home: string): string {
  const to = join(tempDir(t, "resolved"), "home");
  execFileSync("cp", ["-aL", home, to]);
  return to;
}
