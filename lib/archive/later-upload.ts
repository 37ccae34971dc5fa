// What a session got after it was archived, as files that can be put beside the archive.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { zstdFrame } from "../files/zstd-frames.ts";
import { isCompressed, laterName, type LaterPart } from "../formats/archive/later-parts.ts";
import { allFiles, storedKey, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import type { LocalSession, OwnPath } from "../sources/custody.ts";
import { packPathOf, receiptLine, withUnchangedFile } from "./pack.ts";
import type { PackStage } from "./session-packer.ts";
import type { Upload } from "./uploader.ts";

/** A session whose archive gets more. */
export interface Addition {
  readonly receipt: Receipt;
  readonly local: LocalSession;
  /** The files that came since. */
  readonly files: readonly OwnPath[];
}

export interface StagedPart {
  readonly part: LaterPart;
  readonly upload: Upload;
}

/** Undefined where one of the files is not what it was when it was looked at. */
export async function stageLaterParts(addition: Addition, stage: PackStage): Promise<StagedPart[] | undefined> {
  const staged: StagedPart[] = [];
  for (const file of addition.files) {
    const listed = [...allFiles(addition.receipt), ...staged.flatMap(({ part }) => part.files)];
    const one = await stagePart(addition, { file, listed }, stage);
    if (!one) return undefined;
    staged.push(one);
  }
  return staged;
}

interface LaterFile {
  readonly file: OwnPath;
  /** What archive and receipt name already. */
  readonly listed: readonly ReceiptFile[];
}

async function stagePart(
  { local }: Addition,
  { file, listed }: LaterFile,
  { stage, stageLabel }: PackStage,
): Promise<StagedPart | undefined> {
  const name = laterName(file.path)!;
  const to = { path: joinPath(stage, storedKey(local.id, name)), place: stageLabel };
  const packed = packPathOf(file);
  const copied = await withUnchangedFile(packed, (fd) => copyTo(to, fd, { isPacked: isCompressed({ name }) }));
  const line = receiptLine(packed);
  if (copied?.size !== line.size) return undefined;
  const top = local.paths.find(({ path }) => file.path.startsWith(`${path}/`));
  const isNewTop = top && !listed.some(({ path }) => path === top.path);
  const { bytes, sha256 } = copied;
  const part: LaterPart = {
    name,
    files: [...(isNewTop ? [receiptLine(packPathOf(top))] : []), { ...line, sha256: copied.content }],
    ...(name === "ledger.zst" && { ledger_partition: local.partition }),
    bytes,
    sha256,
  };
  const [key, otherKey] = [storedKey(local.id, name), storedKey(local.id, name, sha256)];
  return { part, upload: { key, otherKey, file: to.path, bytes, sha256 } };
}

interface Copied {
  /** Of the content. */
  readonly size: number;
  readonly content: string;
  /** Of the file that was made. */
  readonly bytes: number;
  readonly sha256: string;
}

const PIECE = 4 << 20;

async function copyTo(
  { path, place }: { readonly path: string; readonly place: string },
  from: number,
  { isPacked }: { readonly isPacked: boolean },
): Promise<Copied> {
  const [content, stored] = [createHash("sha256"), createHash("sha256")];
  const buffer = Buffer.allocUnsafe(PIECE);
  let [size, bytes] = [0, 0];
  const to = attempt(place, () => openSync(osPath(path), "wx", 0o600));
  try {
    for (let read = readSync(from, buffer); read > 0; read = readSync(from, buffer)) {
      const piece = buffer.subarray(0, read);
      const out = isPacked ? await zstdFrame(piece) : piece;
      content.update(piece);
      stored.update(out);
      for (let at = 0; at < out.length;) at += attempt(place, () => writeSync(to, out, at));
      size += read;
      bytes += out.length;
    }
  } finally {
    closeSync(to);
  }
  return { size, content: content.digest("hex"), bytes, sha256: stored.digest("hex") };
}

function attempt<T>(place: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw toFileError(place, "write to", error);
  }
}
