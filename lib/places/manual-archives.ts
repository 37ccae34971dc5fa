// What was moved to an archive by hand, as a runtime's documentation says: sessions' directories, and tars of them.
import { joinPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { alternativeId, archiveKey } from "../formats/archive/receipt.ts";
import type { ManualDirectories, ManualFacts } from "../sources/custody.ts";
import { RUNTIMES } from "../sources/runtimes.ts";
import type { Target } from "../targets/target.ts";

export interface ManualArchive {
  readonly id: string;
  readonly runtime: string;
  readonly form: "directory" | "tar";
  /** A directory's or a file's path; of a bucket's object its key. */
  readonly path: string;
  readonly bytes: number;
  /** What a directory's own files say; of a tar nothing is known until it is read. */
  readonly facts?: ManualFacts | undefined;
}

/** The runtime whose documentation tells operators to move sessions by hand. */
interface ManualRuntime {
  readonly runtime: string;
  readonly manual: ManualDirectories;
}

const TAR = /^(.+)\.(?:tar|tar\.gz|tgz|tar\.zst)$/;
const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** In order of id. */
export async function* listManualArchives(
  target: Target,
  receipted: ReadonlySet<string>,
): AsyncGenerator<ManualArchive> {
  const [tars, directories] = await listCandidates(target, receipted);
  if (tars.length + directories.size === 0) return;
  const runtimes = await manualRuntimes();
  const found = tars.flatMap((tar) => runtimes.slice(0, 1).map(({ runtime }) => ({ ...tar, runtime })));
  for (const [name, files] of directories) {
    const own = runtimes.find(({ manual: { names } }) => names.some((file) => files.has(file)));
    if (own) found.push(manualDirectory(own, joinPath(target.dir!, name)));
  }
  yield* found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Tars without a receipt, and the names of files in each directory. */
async function listCandidates(
  target: Target,
  receipted: ReadonlySet<string>,
): Promise<[Omit<ManualArchive, "runtime">[], Map<string, Set<string>>]> {
  const tars: Omit<ManualArchive, "runtime">[] = [];
  const directories = new Map<string, Set<string>>();
  for await (const { key, size } of target.list("")) {
    const [top, name, more] = key.split("/") as [string, string?, string?];
    if (name === undefined) {
      const id = TAR.exec(top)?.[1];
      if (id !== undefined && ID.test(id) && !hasReceipt(id, receipted) && !top.startsWith("."))
        tars.push({ id, form: "tar", path: key, bytes: size });
    } else if (target.dir !== undefined && more === undefined) {
      const names = directories.get(top);
      if (names) names.add(name);
      else directories.set(top, new Set([name]));
    }
  }
  return [tars, directories];
}

/** Whether a tar is that of a receipt, under either of the two names that it may have. */
const hasReceipt = (id: string, receipted: ReadonlySet<string>): boolean =>
  receipted.has(id) || receipted.has(alternativeId(id) ?? "");

async function manualRuntimes(): Promise<ManualRuntime[]> {
  const found: ManualRuntime[] = [];
  for (const { runtime, load } of RUNTIMES) {
    const manual = (await (await load()).custody?.())?.manual;
    if (manual) found.push({ runtime, manual });
  }
  return found;
}

function manualDirectory({ runtime, manual }: ManualRuntime, path: string): ManualArchive {
  const facts = manual.factsOf(path);
  return { id: manual.idOf(path), runtime, form: "directory", path, bytes: bytesBelow(path), facts };
}

function bytesBelow(path: string): number {
  let bytes = 0;
  for (const { type, stat } of walk(path)) if (type === "file") bytes += Number(stat.size);
  return bytes;
}

/** Whether a tar was made by put and has lost its receipt, or was never finished. */
export const lacksReceipt = ({ id, path }: ManualArchive): boolean => path === archiveKey(id);
