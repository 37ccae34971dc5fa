// Unpacks a tar that was made by hand into a scratch directory.
import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { readForeignTar } from "../files/foreign-tar.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { fileSink } from "../formats/archive/unpack.ts";
import { placeError } from "../records/error.ts";
import type { Target } from "../targets/target.ts";
import { lacksReceipt, type ManualArchive } from "./manual-archives.ts";

/** What is believed of a tar without a receipt: a session has few files, and its events compress to a tenth. */
const ENTRIES = 10_000;
const RATIO = 200;
const ROOM = 64 << 20;

/** The directory it was unpacked into. Throws as readForeignTar does. */
export async function unpackManualArchive(target: Target, archive: ManualArchive, dir: string): Promise<string> {
  const label = `${target.url}/${archive.path}`;
  if (lacksReceipt(archive)) {
    throw placeError(
      "E_RECEIPT_MISSING",
      `${label} has no receipt: put did not finish it`,
      "archive the session again, or restore the receipt from another copy",
    );
  }
  const times: [path: string, mode: number, mtime: number][] = [];
  await readForeignTar({
    file: target.dir === undefined ? await fetchObject(target, archive.path, dir) : joinPath(target.dir, archive.path),
    label,
    limits: { entries: ENTRIES, bytes: ROOM + RATIO * archive.bytes },
    entry: ({ path, type, mode, mtime }) => {
      const to = joinPath(joinPath(dir, "tar"), path);
      times.push([to, mode, mtime]);
      if (type === "file") return fileSink(to);
      try {
        mkdirSync(osPath(to), { recursive: true, mode: 0o700 });
      } catch (error) {
        throw toFileError(to, "make", error);
      }
      return undefined;
    },
  });
  for (const [path, mode, mtime] of times.toReversed()) {
    utimesSync(osPath(path), mtime, mtime);
    chmodSync(osPath(path), mode);
  }
  return joinPath(dir, "tar");
}

async function fetchObject(target: Target, key: string, dir: string): Promise<string> {
  const file = joinPath(dir, key);
  writeFileSync(osPath(file), (await target.get(key)) ?? Buffer.alloc(0), { mode: 0o600 });
  return file;
}
