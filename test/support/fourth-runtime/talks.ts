// A small runtime of its own: each session is a "talk", one JSON Lines file that grows by a line an event.
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError, EXIT } from "../../../lib/index.ts";

/** The first line of a talk. */
export interface TalkHead {
  readonly talk: string;
  readonly title: string;
  readonly agent: string;
  readonly model: string;
  readonly pid: number;
  readonly at: string;
  readonly parent?: string;
}

/** Every other line; the one with `end` is the last. */
export interface TalkEntry {
  readonly at: string;
  readonly turn?: number;
  readonly who?: "user" | "agent" | "thinking" | "tool";
  readonly text?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly failed?: boolean;
  readonly tokens?: { readonly in: number; readonly out: number };
  readonly cost?: number;
  readonly end?: string;
}

export interface Talk {
  readonly id: string;
  /** Undefined where the first line is not one. */
  readonly head: TalkHead | undefined;
  readonly entries: readonly TalkEntry[];
  /** Whole lines, as they were written. */
  readonly lines: readonly string[];
  readonly bytes: number;
  /** Bytes after the last whole line: a writer was killed there, or is still at it. */
  readonly torn: number;
}

export const TALKS = "talks";
const NAME = /^([A-Za-z0-9][A-Za-z0-9._-]{0,127})\.jsonl$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export const isTalkId = (id: string): boolean => ID.test(id);
export const talkName = (id: string): string => `${id}.jsonl`;
export const talkFile = (root: string, id: string): string => join(root, TALKS, talkName(id));
export const talkOfName = (name: string): string | undefined => NAME.exec(name)?.[1];

/** Ids in order. */
export function talkIds(root: string): string[] {
  const names = readNames(join(root, TALKS));
  return names
    .map(talkOfName)
    .filter((id) => id !== undefined)
    .sort();
}

function readNames(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined where there is none. */
export function readTalk(root: string, id: string): Talk | undefined {
  const file = talkFile(root, id);
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  return parseTalk(id, readFileSync(file));
}

export function parseTalk(id: string, bytes: Buffer): Talk {
  const whole = bytes.lastIndexOf(10) + 1;
  const lines = bytes.toString("utf8", 0, whole).split("\n").slice(0, -1);
  try {
    const [head, ...entries] = lines.map((line) => JSON.parse(line) as unknown);
    return {
      id,
      head: head as TalkHead | undefined,
      entries: entries as TalkEntry[],
      lines,
      bytes: bytes.length,
      torn: bytes.length - whole,
    };
  } catch (cause) {
    throw new ToolError({
      code: "E_BAD_TALK",
      message: `talk ${id} holds a line that is not JSON`,
      exit: EXIT.partial,
      cause,
    });
  }
}

/** What ended it; undefined while it has not ended. */
export const endOf = ({ entries }: Pick<Talk, "entries">): TalkEntry | undefined =>
  entries.findLast(({ end }) => end !== undefined);
