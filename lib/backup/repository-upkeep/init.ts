// Creates an empty repository.
import { chmodSync, existsSync } from "node:fs";
import { encryptTo } from "../../formats/age/age.ts";
import { signerFrom } from "../../formats/repository/authorship/find-authorship.ts";
import { recipientsFrom } from "../../formats/repository/authorship/open-for-writing.ts";
import { writePin } from "../../formats/repository/authorship/pins.ts";
import { signRepositoryFile } from "../../formats/repository/authorship/signatures.ts";
import { REPOSITORY_KEY } from "../../formats/repository/layout.ts";
import { REPOSITORY_FORMAT } from "../../formats/repository/manifest.ts";
import { encodeRepository, type RepositoryFile } from "../../formats/repository/repository.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal, ToolError } from "../../records/error.ts";
import type { RepositoryRecord } from "../../records/toolkit-kinds.ts";
import { targetOf } from "../../targets/target.ts";
import { repositoryRecord } from "../records.ts";

export interface InitRepository {
  readonly repo: string;
  /** Whom all that it will hold is encrypted to, as `age1…`; nobody unless given. */
  readonly encryptTo?: readonly string[];
  readonly dryRun?: boolean;
}

/** Yields the new `repository`. Refuses (4) a place that holds one, or that holds anything else; a mistyped recipient → exit 2. */
export async function* initRepository(
  { repo, encryptTo: named = [], dryRun }: InitRepository,
  deps: Deps,
): AsyncGenerator<RepositoryRecord> {
  const recipients = named.length > 0 ? named : (recipientsFrom(deps.env) ?? []);
  const signer = signerFrom(deps.env);
  const encryption = recipients.length > 0 ? { age: (await encryptTo([...new Set(recipients)])).recipients } : null;
  const target = targetOf(repo);
  if (await target.head(REPOSITORY_KEY)) throw occupied(target.url, REPOSITORY_KEY);
  for await (const { key } of target.list("")) throw occupied(target.url, key);
  const content: RepositoryFile = {
    format: REPOSITORY_FORMAT,
    id: ulid(deps.now()),
    created_at: deps.now().toISOString(),
    encryption,
  };
  const file = signer ? signRepositoryFile(content, signer) : content;
  if (!dryRun && target.dir !== undefined && existsSync(target.dir)) chmodSync(target.dir, 0o700);
  if (!dryRun) await putOnce(() => target.put(REPOSITORY_KEY, encodeRepository(file), { exclusive: true }), target.url);
  if (!dryRun) await writePin(target, file, deps.env).catch((error: unknown) => unpinned(error, deps));
  yield repositoryRecord(target.url, file);
}

/** It is made all the same; the first create pins it. */
function unpinned(error: unknown, { log }: Deps): void {
  if (!(error instanceof ToolError)) throw error;
  log.info(`this machine could not note what the repository is: ${error.message}`);
}

async function putOnce(put: () => Promise<void>, url: string): Promise<void> {
  try {
    await put();
  } catch (error) {
    if (error instanceof ToolError && error.code === "E_EXISTS") throw occupied(url, REPOSITORY_KEY);
    throw error;
  }
}

const occupied = (url: string, key: string): ToolError =>
  key === REPOSITORY_KEY
    ? refusal("E_REPOSITORY_EXISTS", `${url} is a repository already`, `agh-backup list --repo ${url}`)
    : refusal("E_NOT_EMPTY", `${url} is not empty: it holds ${key}`, "name a new or empty directory");
