// agh-backup in process over a repository of the test's own.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";

export interface Bench {
  readonly dir: string;
  readonly repo: string;
  /** Runs a verb with `--repo` (unless another one is named) and HOME set. */
  run(...argv: string[]): Promise<Ran>;
  /** As `run`; fails unless it ends with the exit code given (0). */
  ok(...argv: string[]): Promise<Ran>;
  /** The snapshot that create makes of a home. */
  create(home: string, ...more: string[]): Promise<AnyRecord>;
  /** Where `latest` was restored to. */
  restore(...more: string[]): Promise<string>;
}

/** All is well, but for workspaces that lie on the machine that a home was made for. */
export const isSound = (ran: {
  readonly code: number | null;
  readonly records: readonly { readonly [key: string]: unknown }[];
}): boolean => {
  if (ran.code !== 3) return ran.code === 0;
  const { records } = ran;
  const faults = records.filter(({ kind, severity }) => kind === "finding" && severity === "error");
  const failed = Number(records.at(-1)?.["failed"] ?? 0);
  return failed === faults.length && faults.every(isMissingWorkspace);
};

const isMissingWorkspace = ({ code, id }: { readonly [key: string]: unknown }): boolean =>
  code === "ROOT_MISSING" && String(id).startsWith("ws/");

/** An empty repository, made by `init` with these flags. */
export async function bench(t: TestContext, ...init: string[]): Promise<Bench> {
  const dir = tempDir(t, "backup");
  const repo = join(dir, "repo");
  const env = { HOME: join(dir, "nobody"), TMPDIR: dir };
  const run = (...argv: string[]): Promise<Ran> =>
    runHere(tool, argv.includes("--repo") ? argv : [...argv, "--repo", repo], { env });
  const ok = async (...argv: string[]): Promise<Ran> => {
    const ran = await run(...argv);
    if (!isSound(ran)) throw new Error(`agh-backup ${argv.join(" ")}: exit ${ran.code}: ${ran.stderr}${ran.stdout}`);
    return ran;
  };
  let restores = 0;
  await ok("init", ...init);
  return {
    dir,
    repo,
    run,
    ok,
    create: async (home, ...more) => (await ok("create", "--home", home, ...more)).records[0]!,
    restore: async (...more) => {
      const to = join(dir, `restored-${restores++}`);
      await ok("restore", "latest", "--to", to, ...more);
      return to;
    },
  };
}
