// Losses that somebody meant: a snapshot that was accepted although create or a drill has found something lost.
import { EXIT, ToolError } from "../../records/error.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import { isUlid } from "../ulid.ts";
import { ACCEPTED, acceptedKey, nameIn } from "./layout.ts";
import type { Repository } from "./repository.ts";

export interface Acceptance {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly snapshot: string;
  readonly home_id: string;
  /** Why the loss was meant. */
  readonly because: string;
  readonly accepted_at: string;
}

/** Signed where the repository is: without its key → exit 4. */
export function putAcceptance(repo: Repository, acceptance: Acceptance): Promise<void> {
  repo.requireSigner();
  return repo.putObject(acceptedKey(acceptance.id), encodeSealed(acceptance).bytes);
}

/** Newest first; a damaged one, or one that nobody has signed who must, goes to `problem` and is left out. */
export async function* listAcceptances(
  repo: Repository,
  problem: (error: ToolError) => void,
): AsyncGenerator<Acceptance> {
  const keys: string[] = [];
  for await (const { key } of repo.target.list(ACCEPTED)) if (isUlid(nameIn(key))) keys.push(key);
  for (const key of keys.sort().reverse()) {
    const bytes = await repo.target.get(key);
    if (!bytes) continue; // removed since it was listed
    const found = decodeAcceptance(bytes);
    if (found?.id !== nameIn(key)) problem(damaged(`${repo.url}/${key}`));
    else if ((await repo.signatureOf(key, bytes)) !== "signed") problem(forged(`${repo.url}/${key}`));
    else yield found;
  }
}

/** Undefined when it is not what was written, or nothing that accept would write. */
export function decodeAcceptance(bytes: Buffer): Acceptance | undefined {
  const found = decodeSealed(bytes) as unknown as Acceptance | undefined;
  return found && isAcceptance(found) ? found : undefined;
}

/** A digest can be made by anybody who may write to the repository. */
const isAcceptance = ({ snapshot, home_id, because, accepted_at }: Acceptance): boolean =>
  [snapshot, home_id, because, accepted_at].every((text) => typeof text === "string") &&
  !Number.isNaN(Date.parse(accepted_at));

const forged = (what: string): ToolError =>
  new ToolError({
    code: "E_ACCEPTANCE_FORGED",
    message: `${what} is not signed by the repository's key, and accepts nothing`,
    hint: "remove it; agh-backup accept --sign KEY makes one that counts",
    exit: EXIT.partial,
  });

const damaged = (what: string): ToolError =>
  new ToolError({
    code: "E_ACCEPTANCE_DAMAGED",
    message: `${what} is not a valid acceptance`,
    hint: "remove it, and accept the snapshot again",
    exit: EXIT.partial,
  });
