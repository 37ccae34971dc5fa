// Another name for a pack that would be the like of a marked one, which a prune is about to delete.
import { appendFileSync, readFileSync } from "node:fs";
import { createHash, randomBytes } from "node:crypto";
import { osPath } from "../files/os-path.ts";
import { encodePackLine, type PackLine } from "../formats/repository/chunk-index.ts";
import type { StagedPack } from "./pack-file.ts";

/** A frame that every zstd decoder passes over: magic, length, content. */
function skippable(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** The staged file gets a tail that says nothing, and so another digest. */
export function renamePack(staged: StagedPack): StagedPack {
  appendFileSync(osPath(staged.file), skippable(randomBytes(16)), { flush: true });
  const bytes = readFileSync(osPath(staged.file));
  const pack = createHash("sha256").update(bytes).digest("hex");
  const line = JSON.parse(Buffer.from(staged.line).toString()) as PackLine;
  return {
    ...staged,
    pack,
    bytes: bytes.length,
    line: encodePackLine({ pack, bytes: bytes.length, chunks: line.chunks }),
  };
}
