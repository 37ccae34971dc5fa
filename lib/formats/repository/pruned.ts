// What prune has removed: so that a machine that knew it does not take it for lost.
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import { isUlid, ulid } from "../ulid.ts";
import { nameIn, PRUNED, prunedKey } from "./layout.ts";
import type { Repository } from "./repository.ts";

const PRUNED_FORMAT = 1;
/** More files than this are made one. */
const MAX_FILES = 32;

export interface PrunedObjects {
  readonly snapshots: readonly string[];
  readonly packs: readonly string[];
}

interface PrunedFile extends PrunedObjects {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly at: string;
}

/** Written before anything of it is removed, by whoever has the prune lock. */
export async function putPruned(repo: Repository, removal: PrunedObjects, now: Date): Promise<void> {
  if (removal.snapshots.length + removal.packs.length === 0) return;
  const keys = await prunedKeys(repo);
  const superseded = keys.length < MAX_FILES ? [] : keys;
  const earlier = superseded.length > 0 ? await readPruned(repo) : { snapshots: [], packs: [] };
  const file: PrunedFile = {
    format: PRUNED_FORMAT,
    id: ulid(now),
    at: now.toISOString(),
    snapshots: [...new Set([...earlier.snapshots, ...removal.snapshots])],
    packs: [...new Set([...earlier.packs, ...removal.packs])],
  };
  await repo.target.put(prunedKey(file.id), encodeSealed(file).bytes, { exclusive: true });
  for (const key of superseded) await repo.target.delete(key);
}

/** All that was ever removed. A damaged file says nothing: what it names seems lost. */
export async function readPruned(repo: Repository): Promise<PrunedObjects> {
  const snapshots = new Set<string>();
  const packs = new Set<string>();
  for (const key of await prunedKeys(repo)) {
    const bytes = await repo.target.get(key);
    const file = bytes && (decodeSealed(bytes) as unknown as PrunedFile | undefined);
    if (file?.id !== nameIn(key) || file.format !== PRUNED_FORMAT) continue;
    for (const id of textsOf(file.snapshots)) snapshots.add(id);
    for (const pack of textsOf(file.packs)) packs.add(pack);
  }
  return { snapshots: [...snapshots], packs: [...packs] };
}

async function prunedKeys(repo: Repository): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of repo.target.list(PRUNED)) if (isUlid(nameIn(key))) keys.push(key);
  return keys;
}

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === "string") : [];
