// Which repository, the same for every verb of agh-backup.
import { option } from "../../lib/cli/flags.ts";
import { parseInstant } from "../../lib/policy/parse-quantities.ts";
import type { SnapshotChoice, SnapshotFilterWords } from "../../lib/backup/snapshot-filter.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";

export const repoFlag = {
  repo: option("The repository, a directory or s3://BUCKET/PREFIX; else AGH_BACKUP_REPO", { hint: "DIR" }),
};

/** `--repo`, else AGH_BACKUP_REPO; never one that nobody named. */
export function repoOf({ repo }: { readonly repo: string | undefined }, { env }: Pick<Deps, "env">): string {
  const named = repo ?? env["AGH_BACKUP_REPO"]?.trim();
  if (!named) throw usageError("no repository is named", "--repo DIR, or set AGH_BACKUP_REPO");
  return named;
}

/** For what reads an encrypted repository. */
export const identityFlag = {
  identity: option("The age identity file of an encrypted repository; else AGH_BACKUP_IDENTITY", { hint: "FILE" }),
};

/** What `--identity` names goes before the environment's. */
export const withIdentity = ({ identity }: { readonly identity: string | undefined }, deps: Deps): Deps =>
  identity === undefined ? deps : { ...deps, env: { ...deps.env, AGH_BACKUP_IDENTITY: identity } };

/** Which snapshots `latest` and lists are about. */
export const snapshotHomeFlags = {
  home: option("Only snapshots of this home: its path, where it is or was, or its id", { hint: "HOME" }),
  homeId: option("Only snapshots of the home with this id", { hint: "ID" }),
};

export const snapshotFilterFlags = {
  ...snapshotHomeFlags,
  at: option("As of this time: only snapshots that began at or before it", { hint: "RFC3339", convert: parseInstant }),
};

/** A home that is there is known by its id, wherever it was when it was backed up. */
export async function snapshotFilterOf(words: SnapshotFilterWords, deps: Deps): Promise<SnapshotChoice> {
  const { resolveSnapshotFilter } = await import("../../lib/backup/snapshot-filter.ts");
  return resolveSnapshotFilter(words, deps);
}
