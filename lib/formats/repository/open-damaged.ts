// Opens a repository whose own file cannot be trusted: whether it is encrypted shows in what it holds.
import type { Target } from "../../targets/target.ts";
import { decryptWith } from "../age/age.ts";
import { identityNeeded, isAgeFile } from "./encryption.ts";
import { INDEXES, SNAPSHOTS } from "./layout.ts";
import { REPOSITORY_FORMAT } from "./manifest.ts";
import { identityFileFrom, openWithFile, type RepositoryOptions, type Repository } from "./repository.ts";

/** For verify: the repository as it seems to be. Encrypted and no identity named → E_IDENTITY_NEEDED (4). */
export async function openDamaged(target: Target, opening: RepositoryOptions): Promise<Repository> {
  const file = { format: REPOSITORY_FORMAT, id: "", created_at: "" };
  if (!(await containsAgeFiles(target))) return openWithFile(target, { ...file, encryption: null }, opening);
  const identity = identityFileFrom(opening.env ?? {});
  if (!identity) throw identityNeeded(target.url);
  const { recipients } = await decryptWith(identity);
  return openWithFile(target, { ...file, encryption: { age: recipients } }, opening);
}

/** One object may be damaged itself: all must begin otherwise. */
export async function containsAgeFiles(target: Target): Promise<boolean> {
  for (const prefix of [INDEXES, SNAPSHOTS]) {
    for await (const { key } of target.list(prefix)) {
      const start = await target.get(key, { offset: 0, length: 64 });
      if (start && isAgeFile(start)) return true;
    }
  }
  return false;
}
