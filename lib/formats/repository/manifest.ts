// The manifest of a snapshot: its header, where its listing lies, and every path that was not taken.
import { decodeSealed, encodeSealed, isShallow } from "../sealed-json.ts";
import { isUlid } from "../ulid.ts";
import { isDigest } from "./listing.ts";

/** What `init` makes; older ones are read, and written as they are. */
export const REPOSITORY_FORMAT = 2;

export interface Manifest {
  readonly format: number;
  /** ULID. */
  readonly id: string;
  readonly runtime: string;
  readonly home_id: string;
  readonly home_path: string;
  readonly hostname: string;
  /** Versions of the toolkit and of SQLite that made it. */
  readonly toolkit: string;
  readonly sqlite: string;
  readonly started_at: string;
  readonly finished_at: string;
  readonly consistency: "cut" | "cold";
  /** The moment of the cut; null where nothing ran that could write. */
  readonly cut_at: string | null;
  readonly skew_ms: number;
  readonly tags: readonly string[];
  readonly parent: string | null;
  /** The classes that were to be taken. */
  readonly classes: readonly string[];
  readonly roots: readonly { readonly name: string; readonly dir: string }[];
  /** Chunks of the list of pages, in order. */
  readonly listing: { readonly chunks: readonly string[]; readonly pages: number; readonly lines: number };
  readonly totals: Totals;
  /** Paths whose names not every file system can hold: no listing has more of them. */
  readonly unusual_names?: number;
  /** Files by class. */
  readonly class_files?: { readonly [name: string]: number };
  readonly coverage: readonly CoverageGap[];
  /** The snapshot that it was compared with: the newest of its home that was neither suspect nor bad; null for the first. */
  readonly reference?: string | null;
  /** What is lost against the reference, or destroyed: one of them makes the snapshot suspect. */
  readonly suspicions?: readonly Suspicion[];
  /** SHA-256 of the file's bytes before it. */
  readonly digest: string;
}

interface Totals {
  readonly files: number;
  readonly directories: number;
  readonly sessions: number;
  /** Bytes of its files. */
  readonly bytes: number;
  /** Files that were read, not taken over. */
  readonly new_files: number;
  /** Bytes of chunks that were not in the repository before. */
  readonly new_bytes: number;
  /** Bytes of packs and indexes that this run added. */
  readonly stored_bytes: number;
}

/** A path that is not in the snapshot; a directory stands for all below it. */
export interface CoverageGap {
  readonly root: string;
  readonly path: string;
  readonly class: string;
  readonly reason: string;
  /** Of a directory: what lies below it. */
  readonly files?: number;
  readonly bytes?: number;
  /** The code of the finding: `LINK_LOOP`, `ROOT_MISSING`, … */
  readonly code?: string;
  /** Of a database that was taken: the tables whose rows were not. */
  readonly tables?: readonly string[];
  /** It was to be taken, and could not be: without it the snapshot is not complete. */
  readonly missing?: true;
  /** It came after the cut: the next snapshot has it. */
  readonly late?: true;
  /** `--accept-missing` has named it. */
  readonly accepted?: true;
}

/** Something of the reference that a snapshot has lost. */
export interface Suspicion {
  /** `DATABASE_DESTROYED`, `SESSION_SHRUNK`, …: the code of the finding. */
  readonly code: string;
  /** The session, where it is one's. */
  readonly id?: string;
  /** Root and path joined by `/`. */
  readonly path?: string;
  readonly message: string;
  readonly evidence: { readonly [key: string]: unknown };
}

/** Whether all that was to be taken was taken, or its absence is accepted. */
export const isComplete = ({ coverage }: Pick<Manifest, "coverage">): boolean =>
  coverage.every(({ missing, accepted }) => !missing || accepted);

export const encodeManifest = (manifest: Omit<Manifest, "digest">): { bytes: Buffer; digest: string } =>
  encodeSealed(manifest);

/** Undefined when it is not what was written, or nothing that a create would write. */
export function decodeManifest(bytes: Buffer): Manifest | undefined {
  const value = decodeSealed(bytes) as unknown as Manifest | undefined;
  return value && isManifest(value) ? value : undefined;
}

const TEXTS = ["runtime", "home_id", "home_path", "hostname", "toolkit", "sqlite"] as const;
const COUNTS = ["files", "directories", "sessions", "bytes", "new_files", "new_bytes", "stored_bytes"] as const;

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime = (value: unknown): boolean => isText(value) && !Number.isNaN(Date.parse(value));
const isAbsent = (value: unknown): boolean => value === undefined || value === null;
const isFlag = (value: unknown): boolean => value === undefined || value === true;
const areAll = (list: unknown, test: (value: never) => boolean): boolean =>
  Array.isArray(list) && (list as never[]).every((value) => value !== null && test(value));

/** A digest can be made by anybody who may write to the repository. */
const isManifest = (value: Manifest): boolean =>
  isShallow(value) &&
  TEXTS.every((key) => isText(value[key])) &&
  isText(value.id) &&
  isUlid(value.id) &&
  isCount(value.format) &&
  isTime(value.started_at) &&
  isTime(value.finished_at) &&
  (value.consistency === "cut" || value.consistency === "cold") &&
  (isAbsent(value.cut_at) || isTime(value.cut_at)) &&
  Number.isFinite(value.skew_ms) &&
  (value.parent === null || isText(value.parent)) &&
  COUNTS.every((key) => isCount(value.totals?.[key])) &&
  (isAbsent(value.unusual_names) || isCount(value.unusual_names)) &&
  (isAbsent(value.class_files) || areCounts(value.class_files!)) &&
  areAll(value.tags, isText) &&
  areAll(value.classes, isText) &&
  areAll(value.roots, ({ name, dir }: Manifest["roots"][number]) => isText(name) && isText(dir)) &&
  isListing(value.listing) &&
  (isAbsent(value.reference) || isText(value.reference)) &&
  (value.suspicions === undefined || areAll(value.suspicions, isSuspicion)) &&
  areAll(value.coverage, isGap);

const isListing = (listing: Manifest["listing"] | undefined): boolean =>
  areAll(listing?.chunks, isDigest) && isCount(listing!.lines) && isCount(listing!.pages);

const areCounts = (counts: object): boolean => Object.values(counts).every(isCount);

const isSuspicion = ({ code, id, path, message, evidence }: Suspicion): boolean =>
  [code, message].every(isText) && [id, path].every((text) => isAbsent(text) || isText(text)) && isEvidence(evidence);

const isEvidence = (evidence: unknown): boolean => isAbsent(evidence) || typeof evidence === "object";

const isGap = ({ root, path, class: of, reason, files, bytes, missing, late, accepted }: CoverageGap): boolean =>
  [root, path, of, reason].every(isText) &&
  [files, bytes].every((count) => isAbsent(count) || isCount(count)) &&
  [missing, late, accepted].every(isFlag);
