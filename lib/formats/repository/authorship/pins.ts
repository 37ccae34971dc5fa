// What this machine holds of a repository since it first used it: which one it is, to whom it is encrypted, who signs it.
import { realpathSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { refusal, type ToolError } from "../../../records/error.ts";
import type { Target } from "../../../targets/target.ts";
import { LocalStateFile } from "../local-state.ts";

export interface RepositoryPin {
  readonly format: number;
  /** Null where it is not encrypted. */
  readonly recipients: readonly string[] | null;
  /** The public key that its snapshots are signed with; null where nothing is signed. */
  readonly sign: string | null;
}

/** Of `repository.json`. */
export interface PinnedFile {
  readonly format: number;
  readonly id: string;
  readonly encryption: null | { readonly age: readonly string[] };
  readonly sign?: string;
}

export const pinOf = ({ format, encryption, sign }: PinnedFile): RepositoryPin => ({
  format,
  recipients: encryption?.age ?? null,
  sign: sign ?? null,
});

export interface KnownRepository {
  /** Undefined where this machine has never written to it, nor accepted it. */
  readonly pin: RepositoryPin | undefined;
  /** Ids of the repositories that were used at this place. */
  readonly atPlace: readonly string[];
}

type Env = Deps["env"];

export function readKnown(target: Target, { id }: Pick<PinnedFile, "id">, env: Env): KnownRepository {
  return {
    pin: LocalStateFile.of(id, env)?.read().pin,
    atPlace: LocalStateFile.ofPlace(placeOf(target, env), env)?.read().repositories ?? [],
  };
}

/** In what a repository is not the one that was used before, as sentences without subject. Unknown ones differ in nothing. */
export function changesSince({ pin, atPlace }: KnownRepository, file: PinnedFile): string[] {
  const changes: string[] = [];
  if (atPlace.length > 0 && !atPlace.includes(file.id)) {
    changes.push(`is repository ${file.id}, and was ${atPlace.at(-1)!}`);
  }
  if (!pin) return changes;
  const now = pinOf(file);
  if (now.format < pin.format) changes.push(`has format ${now.format}, and had ${pin.format}`);
  if (pin.recipients && !now.recipients)
    changes.push(`is no longer encrypted (it was, to ${pin.recipients.join(", ")})`);
  else if (String(sorted(now.recipients)) !== String(sorted(pin.recipients))) {
    const before = pin.recipients ? `was encrypted to ${pin.recipients.join(", ")}` : "was not encrypted";
    changes.push(`is encrypted to ${now.recipients!.join(", ")}, and ${before}`);
  }
  if (pin.sign && !now.sign) changes.push(`is no longer signed (it was, by ${pin.sign})`);
  else if (pin.sign !== now.sign)
    changes.push(`is signed by ${now.sign!}, and was ${pin.sign ? `by ${pin.sign}` : "not"}`);
  return changes;
}

const sorted = (recipients: readonly string[] | null): readonly string[] | null => recipients?.toSorted() ?? null;

export const repositoryChanged = (url: string, changes: readonly string[]): ToolError =>
  refusal(
    "E_REPOSITORY_CHANGED",
    `${url} is not what it was when this machine last used it: it ${changes.join("; it ")}`,
    `if that was your doing, agh-backup trust --repo ${url} accepts it`,
  );

/** From now on this is what the repository is. */
export async function writePin(target: Target, file: PinnedFile, env: Env): Promise<void> {
  const pin = pinOf(file);
  await LocalStateFile.of(file.id, env)?.update((state) =>
    JSON.stringify(state.pin) === JSON.stringify(pin) ? state : { ...state, pin },
  );
  const place = placeOf(target, env);
  await LocalStateFile.ofPlace(place, env)?.update((state) => {
    const { repositories = [] } = state;
    if (repositories.at(-1) === file.id) return state;
    return { ...state, place, repositories: [...repositories.filter((id) => id !== file.id), file.id] };
  });
}

/** A directory is known by where it really is, a bucket also by who serves it. */
function placeOf({ url, dir }: Target, env: Env): string {
  if (dir === undefined) return [url, env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"] ?? []].flat().join(" at ");
  try {
    return realpathSync(osPath(dir)).toString();
  } catch {
    return dir; // not made yet
  }
}
