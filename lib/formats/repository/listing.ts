// The listing of a snapshot: one JSON line a path in the order of the walk, cut into pages that unchanged runs share.
import { comparePaths, type PathType } from "../../files/walk.ts";
import { placeError, type ToolError } from "../../records/error.ts";
import { isShallow } from "../sealed-json.ts";

export interface ListingLine {
  readonly root: string;
  readonly path: string;
  readonly class: string;
  readonly type: "file" | "directory";
  readonly size?: number;
  /** Permission bits, four octal digits. */
  readonly mode: string;
  readonly mtime_ns: string;
  /** The text of the symbolic link that was followed to it. */
  readonly link?: string;
  readonly sha256?: string;
  /** Where there is more than one; else the digest is the chunk. */
  readonly chunks?: readonly string[];
  readonly database?: DatabaseLine;
  /** What the next run knows it by; "" where it changed too lately to be known. Always the last key. */
  readonly stat: string;
}

export interface DatabaseLine {
  readonly pages: number | null;
  /** Byte for byte at rest; main and a prefix of its WAL; SQLite's online backup; or rewritten without some tables' rows. */
  readonly copied: "resting" | "pair" | "online" | "rewritten";
  /** `sequence` of the last row of `events`, WAL included; null where it cannot be told. */
  readonly last_sequence: number | null;
  /** It moved on after the cut and was copied as it was then. */
  readonly late?: true;
  /** By which rules tables with logins were looked for. */
  readonly rules?: string;
  /** Of a rewritten copy: the tables that are empty in it, and what the next run knows the WAL of its source by ("": it had none). */
  readonly without?: { readonly tables: readonly string[]; readonly wal: string };
  readonly wal?: { readonly size: number; readonly chunks: readonly string[]; readonly stat: string };
  /** Why it cannot be a sound database, as far as a quick look shows. Written before 1.1: no look was taken. */
  readonly damaged?: string;
  /** Its tables by name, sorted. */
  readonly tables?: readonly string[];
  /** Rows of the tables that matter. */
  readonly rows?: { readonly [table: string]: number };
  /** What tells it from another database of the same kind: when it was made, and its first row. */
  readonly born?: string;
  readonly first?: string;
  /** The greatest number that SQLite has given to a row of its events. */
  readonly issued?: number;
  /** Its sessions, where they are rows: how many, and the chunks of their list. */
  readonly sessions?: { readonly count: number; readonly chunks: readonly string[] };
}

/** One line of the list of a database's sessions, in order of id. */
export interface SessionLine {
  readonly id: string;
  /** Rows of its events. */
  readonly events?: number;
  readonly at?: string;
  readonly parent?: string;
  /** Only events name it: it has no row of its own. */
  readonly orphan?: true;
}

/** The table and column that `last_sequence` is read from. */
export const SEQUENCE = { table: "events", column: "sequence" } as const;

/** What the line of a path begins with. */
export const startOf = (root: string, path: string): string =>
  `{"root":${JSON.stringify(root)},"path":${JSON.stringify(path)},`;

/** What follows; an equal head and an equal tail mean that nothing changed. */
export const headOf = (start: string, of: string, type: PathType): string =>
  `${start}"class":"${of}","type":"${type}",`;

export const tailOf = (stat: string): string => `,"stat":"${stat}"}`;

export const encodeListingLine = ({ root, path, class: of, type, stat, ...rest }: ListingLine): string =>
  headOf(startOf(root, path), of, type) + JSON.stringify(rest).slice(1, -1) + tailOf(stat);

/** Throws E_LISTING_DAMAGED (6) for what no create writes: a line can be made by anybody who may write to the repository. */
export const decodeListingLine = (text: string): ListingLine => decodeLine(text, isListingLine);

function decodeLine<T>(text: string, isValid: (value: T) => boolean): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damagedLine(text, cause);
  }
  if (typeof value !== "object" || value === null || !isShallow(value) || !isValid(value as T)) throw damagedLine(text);
  return value as T;
}

const SHOWN = 120;

const damagedLine = (text: string, cause?: unknown): ToolError => {
  const shown = JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  return placeError(
    "E_LISTING_DAMAGED",
    `the listing contains a line that create never writes: ${shown}`,
    undefined,
    cause,
  );
};

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isOptional = (value: unknown, test: (value: unknown) => boolean): boolean => value === undefined || test(value);
export const isDigest = (value: unknown): value is string => isText(value) && /^[0-9a-f]{64}$/.test(value);
const areDigests = (value: unknown): boolean => Array.isArray(value) && value.every(isDigest);
const MOST_NS = 2n ** 63n;
const isTime = (value: unknown): boolean =>
  isText(value) && /^-?\d{1,19}$/.test(value) && BigInt(value) < MOST_NS && BigInt(value) > -MOST_NS;

const isListingLine = (line: ListingLine): boolean =>
  [line.root, line.path, line.class, line.stat].every(isText) &&
  (line.type === "file" || line.type === "directory") &&
  isText(line.mode) &&
  /^[0-7]{4}$/.test(line.mode) &&
  isTime(line.mtime_ns) &&
  isOptional(line.size, isCount) &&
  isOptional(line.link, isText) &&
  isOptional(line.sha256, isDigest) &&
  isOptional(line.chunks, areDigests) &&
  isOptional(line.database, (database) => isDatabaseLine(database as DatabaseLine));

const isDatabaseLine = (database: DatabaseLine): boolean =>
  typeof database === "object" &&
  database !== null &&
  isText(database.copied) &&
  (database.pages === null || isCount(database.pages)) &&
  (database.last_sequence === null || Number.isSafeInteger(database.last_sequence)) &&
  isOptional(database.wal, (wal) => isWal(wal as NonNullable<DatabaseLine["wal"]>)) &&
  [database.damaged, database.born, database.first].every((text) => isOptional(text, isText)) &&
  isOptional(database.issued, (issued) => issued === null || typeof issued === "number") &&
  isOptional(database.tables, (tables) => Array.isArray(tables) && tables.every(isText)) &&
  isOptional(database.rows, (rows) => typeof rows === "object" && Object.values(rows ?? [null]).every(isCount)) &&
  isOptional(database.sessions, (sessions) => isSessionList(sessions as NonNullable<DatabaseLine["sessions"]>));

const isSessionList = (sessions: NonNullable<DatabaseLine["sessions"]>): boolean =>
  typeof sessions === "object" && sessions !== null && isCount(sessions.count) && areDigests(sessions.chunks);

const isWal = (wal: NonNullable<DatabaseLine["wal"]>): boolean =>
  typeof wal === "object" && wal !== null && isCount(wal.size) && areDigests(wal.chunks) && isText(wal.stat);

/** The chunks of a file, in order. */
export const chunksOf = ({ size, sha256, chunks }: ListingLine): readonly string[] =>
  chunks ?? (size === undefined || size === 0 || sha256 === undefined ? [] : [sha256]);

/** All chunks that a line needs. */
export const chunksNeeded = (line: ListingLine): readonly string[] => [
  ...chunksOf(line),
  ...(line.database?.wal?.chunks ?? []),
  ...(line.database?.sessions?.chunks ?? []),
];

/** The order of roots: `home` first, then by name. */
export function compareRoots(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "home") return -1;
  if (b === "home") return 1;
  return a < b ? -1 : 1;
}

/** The order of lines. */
export const compareLines = (a: Pick<ListingLine, "root" | "path">, b: Pick<ListingLine, "root" | "path">): number =>
  compareRoots(a.root, b.root) || comparePaths(a.path, b.path);

/** Throws as decodeListingLine does. */
export const decodeSessionLine = (text: string): SessionLine =>
  decodeLine<SessionLine>(
    text,
    ({ id, events, at, parent }) =>
      isText(id) && isOptional(events, isCount) && [at, parent].every((value) => isOptional(value, isText)),
  );

/** One line of the list of pages. */
export interface PageRef {
  readonly sha256: string;
  readonly root: string;
  /** Of its first line. */
  readonly path: string;
  readonly lines: number;
}

/** Throws as decodeListingLine does. */
export const decodePageRef = (text: string): PageRef =>
  decodeLine<PageRef>(
    text,
    ({ sha256, root, path, lines }) => isDigest(sha256) && isText(root) && isText(path) && isCount(lines),
  );

export const PAGE_LINES = 512;
const PAGE_BYTES = 1 << 20;

/**
 * Whether a page ends after this path. Decided by the path's own hash, so that a path that comes or goes moves no other
 * page; a page without such a path ends when it is full.
 */
export const endsPage = (path: string, lines: number, bytes: number): boolean =>
  lines >= PAGE_LINES || bytes >= PAGE_BYTES || (fnv(path) & 0xff) === 0;

function fnv(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value ^ (value >>> 15);
}

export const encodePage = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join("\n")}\n`);

/** The lines of a page, or of a list of pages. */
export const decodePage = (bytes: Buffer): string[] => bytes.toString("utf8").split("\n").slice(0, -1);
