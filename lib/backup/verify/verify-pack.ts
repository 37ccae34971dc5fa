// Whether a pack is there, as long as its index says, and (full) made of the bytes that were written.
import { createHash } from "node:crypto";
import { packSize, type PackLine } from "../../formats/repository/chunk-index.ts";
import { packKey } from "../../formats/repository/layout.ts";
import { PackReader } from "../../formats/repository/pack-reader.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import type { Target } from "../../targets/target.ts";

export interface PackFault {
  readonly code: "PACK_MISSING" | "PACK_SIZE" | "PACK_DAMAGED" | "CHUNK_DAMAGED";
  readonly message: string;
  /** The chunks that cannot be read. */
  readonly chunks: readonly string[];
}

/** `name` looks only whether the file's hash is its name. */
export async function checkPack(
  repo: Pick<Repository, "target" | "envelope">,
  line: PackLine,
  size: number | undefined,
  level: "quick" | "full" | "name",
): Promise<PackFault | undefined> {
  const chunks = line.chunks.map(([sha256]) => sha256);
  if (size === undefined) return { code: "PACK_MISSING", message: "is missing", chunks };
  const end = packSize(line);
  if (level !== "name" && size !== end) return { code: "PACK_SIZE", message: `has ${size} bytes, not ${end}`, chunks };
  if (level === "quick") return undefined;
  const bad = level === "full" ? await findBadChunks(repo, line) : [];
  if ((await hashPack(repo.target, line.pack, size)) !== line.pack) {
    return { code: "PACK_DAMAGED", message: "does not match its name", chunks: bad };
  }
  return bad.length === 0
    ? undefined
    : { code: "CHUNK_DAMAGED", message: "was already damaged when it was written", chunks: bad };
}

async function findBadChunks(
  { target, envelope }: Pick<Repository, "target" | "envelope">,
  line: PackLine,
): Promise<string[]> {
  const parts = line.chunks.map(([sha256, offset, length, size]) => ({
    sha256,
    pack: line.pack,
    offset,
    length,
    size,
  }));
  using packs = new PackReader(target, envelope);
  packs.expect(parts);
  const bad: string[] = [];
  for (const part of parts) if (!(await packs.content(part))) bad.push(part.sha256);
  return bad;
}

const PIECE = 4 << 20;

async function hashPack(target: Target, pack: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size; offset += PIECE) {
    hash.update((await target.get(packKey(pack), { offset, length: PIECE })) ?? "");
  }
  return hash.digest("hex");
}
