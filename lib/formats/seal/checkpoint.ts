// Checkpoints (C2SP tlog-checkpoint): origin, size and root of a tree. A home's has one extension line for each seal.
import { digestBytes, digestFrom, leafHash, rootOf, type Digest } from "./merkle.ts";
import { parseBase64 } from "./strict-base64.ts";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Digest;
  readonly extensions: readonly string[];
}

/** The text to be signed. */
export function encodeCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return `${[origin, size, base64Of(root), ...extensions].join("\n")}\n`;
}

/** Undefined for what is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  if (!text.endsWith("\n")) return undefined;
  const [origin, digits, encoded, ...extensions] = text.slice(0, -1).split("\n");
  const size = sizeOf(digits ?? "");
  const root = rootIn(encoded ?? "");
  if (!origin || size === undefined || root === undefined || extensions.includes("")) return undefined;
  return { origin, size, root, extensions };
}

const base64Of = (root: Digest): string => digestBytes(root).toString("base64");

function rootIn(encoded: string): Digest | undefined {
  const bytes = parseBase64(encoded);
  return bytes?.length === 32 ? digestFrom(bytes) : undefined;
}

function sizeOf(digits: string): number | undefined {
  const size = Number(digits);
  return /^(?:0|[1-9]\d*)$/.test(digits) && Number.isSafeInteger(size) ? size : undefined;
}

/** What the seal of one session's ledger says, as its checkpoint and as a line of the home's. */
export interface SealedTree {
  readonly sessionId: string;
  /** Lines of the ledger. */
  readonly size: number;
  readonly root: Digest;
}

const SESSION = "agh-ledger/session/";
const HOME = "agh-ledger/home/";

export const sessionCheckpoint = ({ sessionId, size, root }: SealedTree): string =>
  encodeCheckpoint({ origin: SESSION + sessionId, size, root, extensions: [] });

/** The tree that a session's checkpoint speaks of; undefined for another kind of text. */
export function parseSessionCheckpoint(text: string): SealedTree | undefined {
  const checkpoint = parseCheckpoint(text);
  if (!checkpoint?.origin.startsWith(SESSION) || checkpoint.extensions.length > 0) return undefined;
  return { sessionId: checkpoint.origin.slice(SESSION.length), size: checkpoint.size, root: checkpoint.root };
}

/** One text over all seals of a home: its tree's leaves are the lines under it, each with its newline. */
export function homeCheckpoint(homeId: string, seals: readonly SealedTree[]): string {
  const sorted = seals.toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
  const extensions = sorted.map(({ sessionId, size, root }) => `${sessionId} ${size} ${base64Of(root)}`);
  return encodeCheckpoint({
    origin: HOME + homeId,
    size: extensions.length,
    root: rootOfEntries(extensions),
    extensions,
  });
}

export interface HomeCheckpoint {
  readonly homeId: string;
  readonly seals: ReadonlyMap<string, SealedTree>;
}

/** Undefined unless size and root are those of the lines. */
export function parseHomeCheckpoint(text: string): HomeCheckpoint | undefined {
  const checkpoint = parseCheckpoint(text);
  if (!checkpoint?.origin.startsWith(HOME)) return undefined;
  const { size, root, extensions } = checkpoint;
  const seals = new Map(extensions.map(parseEntry).map((seal) => [seal?.sessionId, seal]));
  if (seals.has(undefined) || seals.size !== size || rootOfEntries(extensions) !== root) return undefined;
  return { homeId: checkpoint.origin.slice(HOME.length), seals: seals as HomeCheckpoint["seals"] };
}

const rootOfEntries = (entries: readonly string[]): Digest =>
  rootOf(entries.map((line) => leafHash(Buffer.from(`${line}\n`))));

function parseEntry(line: string): SealedTree | undefined {
  const [, sessionId, digits, encoded] = /^([A-Za-z0-9._-]{1,128}) (\d+) (\S+)$/.exec(line) ?? [];
  const [size, root] = [sizeOf(digits ?? ""), rootIn(encoded ?? "")];
  return size !== undefined && root !== undefined ? { sessionId: sessionId!, size, root } : undefined;
}
