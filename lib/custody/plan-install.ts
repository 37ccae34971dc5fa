// What of sessions is missing in a home, and what stands in their way. Reads the home only.
import { lstatSync } from "node:fs";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { hostileArchive } from "../files/safe-names.ts";
import { ROWS, type ReceiptFile } from "../formats/archive/receipt.ts";
import { refusal } from "../records/error.ts";
import type { HomeCustody, OwnTree, RowsConflict, SessionParts } from "../sources/custody.ts";
import type { IncomingSession } from "./incoming-session.ts";

/** A file, or a directory with all below it, that goes from the parts of a session to the home. */
export interface PendingMove {
  /** Among the parts. */
  readonly part: string;
  /** Absolute, as are all paths of a home here. */
  readonly to: string;
  readonly bytes: number;
}

/** A session that has to come, whole or in part. */
export interface PendingSession {
  readonly incoming: IncomingSession;
  readonly moves: readonly PendingMove[];
  /** What goes to the trash for it. */
  readonly aside: readonly string[];
  readonly lacksRows: boolean;
}

export interface ConflictRules {
  /** What is there and differs goes to the trash: a directory that is the session's own whole, of others the file. Rows never do. */
  readonly replace?: boolean;
  /** Of an archived path that differs from what is there: whether the home's own stays, and is no conflict. */
  readonly staysAsItIs?: (path: string, custody: HomeCustody) => boolean;
  /** Whether the directory that is there is as good as the part, though it differs. */
  readonly isEquivalent?: (incoming: IncomingSession, tree: OwnTree) => Promise<boolean>;
  /** The error that names what would be overwritten, and how much more would be. */
  readonly overwrites: (what: string, more: number) => Error;
}

/** Those that are not there yet. Throws (4) when anything would be overwritten, or the home does not take the rows. */
export async function findPending(
  custody: HomeCustody,
  incoming: readonly IncomingSession[],
  rules: ConflictRules,
): Promise<PendingSession[]> {
  const states = await custody.compareRows(incoming);
  const pending: PendingSession[] = [];
  const conflicts: string[] = [];
  const refusals: Error[] = [];
  for (const [index, one] of incoming.entries()) {
    const state = states[index]!;
    const plan = await planSession(one, treesOf(custody, one), rules, (path) => rules.staysAsItIs?.(path, custody));
    conflicts.push(...plan.conflicts);
    if (state.state === "conflict" && state.code === "E_EXISTS") conflicts.push(state.reason);
    else if (state.state === "conflict") refusals.push(rowsRefusal(one, state));
    const lacksRows = state.state === "missing";
    if (plan.moves.length > 0 || lacksRows) pending.push({ incoming: one, ...plan, lacksRows });
  }
  if (conflicts.length > 0) throw rules.overwrites(conflicts[0]!, conflicts.length - 1);
  if (refusals.length > 0) throw refusals[0]!;
  return pending;
}

/** Why rows are not taken, as an error. */
export function rowsRefusal({ id }: SessionParts, { code, reason, hint }: RowsConflict): Error {
  return code === "E_HOSTILE_ROWS" ? hostileArchive(`the archive of ${id}`, reason) : refusal(code, reason, hint);
}

/** Where its parts go. */
function treesOf(custody: HomeCustody, incoming: IncomingSession): readonly OwnTree[] {
  const parts = partsOf(incoming);
  return custody.trees(incoming.id, incoming.partition).filter(({ part }) => parts.has(part));
}

const partsOf = ({ files }: IncomingSession): ReadonlySet<string> =>
  new Set(files.map(({ path }) => path.split("/", 1)[0]!).filter((part) => part !== ROWS));

/** Throws E_HOSTILE_ARCHIVE (4) for a part that has no place in the home. */
export function assertPlaces(custody: HomeCustody, incoming: IncomingSession): void {
  const trees = custody.trees(incoming.id, incoming.partition);
  for (const name of partsOf(incoming)) {
    if (trees.some(({ part }) => part === name)) continue;
    throw hostileArchive(`the archive of ${incoming.id}`, `a part that has no place: ${JSON.stringify(name)}`);
  }
}

interface SessionPlan {
  readonly moves: readonly PendingMove[];
  readonly aside: readonly string[];
  readonly conflicts: readonly string[];
}

async function planSession(
  incoming: IncomingSession,
  trees: readonly OwnTree[],
  { replace = false, isEquivalent }: ConflictRules,
  staysAsItIs: (path: string) => boolean | undefined,
): Promise<SessionPlan> {
  const [moves, aside, conflicts]: [PendingMove[], string[], string[]] = [[], [], []];
  for (const tree of trees) {
    const found = diffTree(incoming.files, tree, staysAsItIs);
    const differs = found.moves.length + found.conflicts.length > 0;
    if (differs && found.isThere && (await isEquivalent?.(incoming, tree))) continue;
    if (!replace || found.conflicts.length === 0) {
      moves.push(...found.moves);
      conflicts.push(...found.conflicts);
    } else if (!isShared(tree)) {
      moves.push(wholeTree(incoming.files, tree));
      aside.push(tree.dir);
    } else {
      moves.push(...found.moves, ...found.conflicts.map((to) => moveTo(incoming.files, tree, to)));
      aside.push(...found.conflicts);
    }
  }
  return { moves, aside, conflicts };
}

interface TreeDifference {
  readonly isThere: boolean;
  readonly moves: readonly PendingMove[];
  readonly conflicts: readonly string[];
}

/** The whole directory where there is none and none is shared; else file by file. */
function diffTree(
  files: readonly ReceiptFile[],
  tree: OwnTree,
  staysAsItIs: (path: string) => boolean | undefined,
): TreeDifference {
  const there = lstatSync(osPath(tree.dir), { throwIfNoEntry: false });
  if (!there && !isShared(tree)) return { isThere: false, moves: [wholeTree(files, tree)], conflicts: [] };
  if (there && !there.isDirectory()) {
    if (isShared(tree)) throw refusal("E_EXISTS", `${tree.dir} is not a directory`, "move it away first");
    return { isThere: false, moves: [], conflicts: [tree.dir] };
  }
  const [moves, conflicts]: [PendingMove[], string[]] = [[], []];
  for (const file of files) {
    if (!file.path.startsWith(`${tree.part}/`) || file.type !== "file") continue;
    const to = placeOf(tree, file.path);
    if (!lstatSync(osPath(to), { throwIfNoEntry: false })) moves.push({ part: file.path, to, bytes: file.size });
    else if (hashFile(to, file.size) !== file.sha256 && !staysAsItIs(file.path)) conflicts.push(to);
  }
  return { isThere: there !== undefined, moves, conflicts };
}

const isShared = ({ only }: OwnTree): boolean => only !== undefined;

const placeOf = ({ part, dir }: OwnTree, path: string): string => joinPath(dir, path.slice(part.length + 1));

const wholeTree = (files: readonly ReceiptFile[], { part, dir }: OwnTree): PendingMove => ({
  part,
  to: dir,
  bytes: files.reduce((sum, { path, size }) => sum + (path.startsWith(`${part}/`) ? size : 0), 0),
});

function moveTo(files: readonly ReceiptFile[], tree: OwnTree, to: string): PendingMove {
  const { path, size } = files.find(
    (file) => file.path.startsWith(`${tree.part}/`) && placeOf(tree, file.path) === to,
  )!;
  return { part: path, to, bytes: size };
}

/** Whether a path goes along with one of the moves. */
export const isCovered = (path: string, moves: readonly PendingMove[]): boolean =>
  moves.some(({ part }) => path === part || path.startsWith(`${part}/`));
