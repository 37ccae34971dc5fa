// Which repository, the same for every verb of agh-backup.
import { option, repeated } from "../../lib/cli/flags.ts";
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

/** Whose signatures count, for what reads a signed repository. */
export const authorFlags = {
  pub: repeated("Only what this public key has signed counts (the .pub of agh-ledger keygen); else the pinned key", {
    hint: "FILE",
  }),
  anchor: option<string>("A head that was kept elsewhere (agh-backup head): the log must contain it", { hint: "HEAD" }),
};

/** For what writes to a signed repository. */
export const signFlag = {
  sign: option<string>("The private key of a signed repository (agh-ledger keygen); else AGH_BACKUP_SIGN_KEY", {
    hint: "KEY",
  }),
};

/** For what writes to an encrypted one. */
export const recipientsFlag = {
  encryptTo: repeated("Refuse a repository that is not encrypted to exactly these; else AGH_BACKUP_RECIPIENTS", {
    hint: "AGE1...",
  }),
};

interface KeyFlags {
  readonly identity?: string | undefined;
  readonly pub?: readonly string[];
  readonly anchor?: string | undefined;
  readonly sign?: string | undefined;
  readonly encryptTo?: readonly string[];
}

/** What `--identity` and the other flags about keys name goes before the environment's. */
export function withIdentity({ identity, pub = [], anchor, sign, encryptTo = [] }: KeyFlags, deps: Deps): Deps {
  const named = {
    AGH_BACKUP_IDENTITY: identity,
    AGH_BACKUP_PUB: pub.length > 0 ? pub.join("\n") : undefined,
    AGH_BACKUP_ANCHOR: anchor,
    AGH_BACKUP_SIGN_KEY: sign,
    AGH_BACKUP_RECIPIENTS: encryptTo.length > 0 ? encryptTo.join(",") : undefined,
  };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  return Object.keys(given).length === 0 ? deps : { ...deps, env: { ...deps.env, ...given } };
}

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
