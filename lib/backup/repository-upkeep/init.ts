// Creates an empty repository.
import { chmodSync, existsSync } from "node:fs";
import { encryptTo } from "../../formats/age/age.ts";
import { REPOSITORY_KEY } from "../../formats/repository/layout.ts";
import { REPOSITORY_FORMAT } from "../../formats/repository/manifest.ts";
import { encodeRepository, type RepositoryFile } from "../../formats/repository/repository.ts";
import { ulid } from "../../formats/ulid.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal, ToolError } from "../../records/error.ts";
import type { RepositoryRecord } from "../../records/toolkit-kinds.ts";
import { targetOf } from "../../targets/target.ts";

export interface InitRepository {
  readonly repo: string;
  /** Whom all that it will hold is encrypted to, as `age1…`; nobody unless given. */
  readonly encryptTo?: readonly string[];
  readonly dryRun?: boolean;
}

/** Yields the new `repository`. Refuses (4) a place that holds one, or that holds anything else; a mistyped recipient → exit 2. */
export async function* initRepository(
  { repo, encryptTo: recipients = [], dryRun }: InitRepository,
  deps: Deps,
): AsyncGenerator<RepositoryRecord> {
  const encryption = recipients.length > 0 ? { age: (await encryptTo([...new Set(recipients)])).recipients } : null;
  const target = targetOf(repo);
  if (await target.head(REPOSITORY_KEY)) throw occupied(target.url, REPOSITORY_KEY);
  for await (const { key } of target.list("")) throw occupied(target.url, key);
  const file: RepositoryFile = {
    format: REPOSITORY_FORMAT,
    id: ulid(deps.now()),
    created_at: deps.now().toISOString(),
    encryption,
  };
  if (!dryRun && target.dir !== undefined && existsSync(target.dir)) chmodSync(target.dir, 0o700);
  if (!dryRun) await putOnce(() => target.put(REPOSITORY_KEY, encodeRepository(file), { exclusive: true }), target.url);
  const { id, format, created_at } = file;
  yield { kind: "repository", id, repo: target.url, format, encrypted: encryption !== null, created_at };
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
