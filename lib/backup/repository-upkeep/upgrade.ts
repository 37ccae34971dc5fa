// Makes a repository of an older format one of the present, and a signed one where a key is given.
import { signerFrom } from "../../formats/repository/authorship/find-authorship.ts";
import { openForWriting, pinFirstUse } from "../../formats/repository/authorship/open-for-writing.ts";
import { writePin } from "../../formats/repository/authorship/pins.ts";
import { signRepositoryFile } from "../../formats/repository/authorship/signatures.ts";
import { ACCEPTED, acceptedKey, nameIn, REPOSITORY_KEY, snapshotKey } from "../../formats/repository/layout.ts";
import { REPOSITORY_FORMAT } from "../../formats/repository/manifest.ts";
import {
  encodeRepository,
  openRepository,
  type Repository,
  type RepositoryFile,
} from "../../formats/repository/repository.ts";
import { findManifest, snapshotIds } from "../../formats/repository/snapshots.ts";
import type { Signer } from "../../formats/seal/note-key.ts";
import { isUlid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { placeError, refusal } from "../../records/error.ts";
import type { RepositoryRecord } from "../../records/toolkit-kinds.ts";
import { repositoryRecord } from "../records.ts";

export interface UpgradeRepository {
  readonly repo: string;
  readonly dryRun?: boolean;
}

/**
 * Yields the `repository` as it is then. With AGH_BACKUP_SIGN_KEY all snapshots that are there are signed: whoever holds
 * the key vouches for them from now on. A kill leaves it as it was or as it is then; again, it completes.
 */
export async function* upgradeRepository(options: UpgradeRepository, deps: Deps): AsyncGenerator<RepositoryRecord> {
  const { env } = deps;
  const repo = await openForWriting(options.repo, { env, signs: false, pins: false });
  await pinFirstUse(repo, { env, dryRun: true });
  const signer = repo.file.sign === undefined ? signerFrom(env) : undefined;
  if (signer) repo.requireIdentity(); // nobody vouches for what he cannot read
  const file = { ...repo.file, format: REPOSITORY_FORMAT };
  const upgraded = signer ? signRepositoryFile(file, signer) : resigned(repo, file);
  if (!options.dryRun) {
    if (signer) await signAll(repo, signer);
    await replaceFile(repo, upgraded);
    await writePin(repo.target, upgraded, env);
    await (await openRepository(repo.url, { env })).completeLog();
  }
  yield repositoryRecord(repo.url, upgraded);
}

/** Only repositories of the present format are signed, so that there is nothing to sign again. */
function resigned({ file, url }: Repository, upgraded: RepositoryFile): RepositoryFile {
  if (file.sign === undefined || file.format === upgraded.format) return upgraded;
  throw refusal("E_CANNOT", `${url} is signed, and of format ${file.format}`, "use the version that made it");
}

/** Before the repository says that it is signed: then nothing in it is unsigned for a moment. */
async function signAll(repo: Repository, signer: Signer): Promise<void> {
  for (const id of await snapshotIds(repo)) {
    if (!(await findManifest(repo, id))) {
      throw placeError(
        "E_MANIFEST_DAMAGED",
        `${repo.url}/${snapshotKey(id)} is damaged, and is not signed`,
        `agh-backup verify --all --repo ${repo.url}`,
      );
    }
    await repo.signObject(snapshotKey(id), signer);
  }
  for await (const { key } of repo.target.list(ACCEPTED)) {
    if (isUlid(nameIn(key))) await repo.signObject(acceptedKey(nameIn(key)), signer);
  }
}

/** In one step: a repository without its file would be none. */
async function replaceFile({ target, file, url }: Repository, upgraded: RepositoryFile): Promise<void> {
  const bytes = encodeRepository(upgraded);
  if (encodeRepository(file).equals(bytes)) return;
  if (!target.replace)
    throw refusal("E_CANNOT", `${url} cannot replace a file in one step`, "copy it: agh-backup copy");
  await target.replace(REPOSITORY_KEY, bytes, encodeRepository(file));
  if ((await target.get(REPOSITORY_KEY))?.equals(bytes)) return;
  throw placeError("E_DRIFTED", `${url}/${REPOSITORY_KEY} is not what was written`, "run it again");
}
