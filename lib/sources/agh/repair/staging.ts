// The files of one run of repairs: what comes lies in `new`, what was there in `old`, each with the step that puts it there.
import { chmodSync, lstatSync } from "node:fs";
import { basename } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Run } from "../../../journal/run.ts";
import { stampOf } from "../../../journal/stamps.ts";
import type { Stamp, Step } from "../../../journal/steps.ts";

export interface Replacing {
  /** What is done or dropped together. */
  readonly group: string;
  /** Of a file that takes no other's place. */
  readonly mode: number;
}

export class Staging {
  readonly steps: Step[] = [];
  readonly #run: Run;
  /** What takes the place of a path, as long as nothing else does. */
  readonly #staged = new Map<string, Stamp | null>();
  readonly #removed = new Set<string>();
  #count = 0;

  constructor(run: Run) {
    this.#run = run;
    for (const name of ["new", "old"]) run.directory(name);
  }

  /** A name within the run's directory that nothing has yet. */
  freshPath(path: string, where: "new" | "old" = "new"): string {
    return joinPath(this.#run.staging, `${where}/${++this.#count}-${basename(path)}`);
  }

  /** `file` takes the place of `path`, with its mode. */
  stageReplacement(path: string, file: string, { group, mode }: Replacing): void {
    const like = lstatSync(osPath(path), { throwIfNoEntry: false });
    chmodSync(osPath(file), like ? like.mode & 0o7777 : mode);
    const from = this.#staged.get(path) ?? stampOf(path);
    const to = stampOf(file);
    this.#staged.set(path, to);
    this.steps.push({
      do: "swap",
      path: this.#run.locate(path),
      from,
      to,
      staged: this.#run.locate(file),
      ...(from && { kept: this.#run.locate(this.freshPath(path, "old")) }),
      group,
    });
  }

  /** Without a `group` it is a thing of its own; `kept` is where it can be found again. */
  stageRemoval(path: string, { group, kept }: { readonly group?: string; readonly kept?: string }): void {
    const from = stampOf(path);
    if (!from) return;
    this.#removed.add(path);
    const old = kept ?? this.#run.locate(this.freshPath(path, "old"));
    this.steps.push({ do: "swap", path: this.#run.locate(path), from, to: null, kept: old, ...(group && { group }) });
  }

  /** Nothing where the file goes in any case: a WAL that was folded in. */
  stageMode(path: string, from: number, to: number): void {
    if (!this.#removed.has(path)) this.steps.push({ do: "mode", path: this.#run.locate(path), from, to });
  }
}
