// Holds a planned removal against the home again, while nobody else changes it: drift, life, clocks, and every gate.
import { accessSync, constants, lstatSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { openCustody } from "../../custody/open-custody.ts";
import { listMounts, mountOf, mountWithin } from "../../files/mounts.ts";
import { isElsewhere, isName, removedPaths, type RemovedPath } from "../../custody/removal.ts";
import { createCollector } from "../../files/memory.ts";
import { osPath } from "../../files/os-path.ts";
import { doubtAbout, timesOf } from "../../policy/retirement.ts";
import { withoutProblems } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import type { HomeCustody, LocalSession } from "../../sources/custody.ts";
import { movablePaths } from "../../sources/own-trees.ts";
import type { Source } from "../../sources/source.ts";
import {
  Gates,
  isKeptElsewhere,
  parseGateName,
  type GateContext,
  type GateName,
  type GateProof,
} from "../gates/gates.ts";
import { requireText, type RemovalContext } from "../removal-types.ts";

/** What an action of a plan says of a session that goes. */
export interface PlannedRemoval {
  readonly action: Action;
  readonly id: string;
  /** As it was planned; everything that goes is still as it was when this is the same. */
  readonly fingerprint: string;
  /** Only rows of a database go: whether they are as they were is looked at once more amid the transaction. */
  readonly isRows: boolean;
  readonly gates: readonly GateName[];
  readonly proof: GateProof;
  /** At once; else to the trash. */
  readonly isPermanent: boolean;
}

/** A plan may have been edited: what does not name the proof that allows it is an error (2). */
export function parseRemoval(action: Action, { defaultArchive }: Pick<Source, "defaultArchive">): PlannedRemoval {
  const subject = action.subject as { readonly [name: string]: unknown };
  const isRows = action.verb !== "retire-session";
  const { gates, proof, isPermanent } = isRows
    ? parseRowRemoval(action, subject)
    : parseRequirement(action, subject, defaultArchive !== undefined);
  const id = requireText(action, "subject", "session_id");
  const fingerprint = requireText(action, "expect", "fingerprint");
  return { action, id, fingerprint, isRows, gates, proof, isPermanent };
}

type Requirement = Pick<PlannedRemoval, "gates" | "proof" | "isPermanent">;
type Subject = { readonly [name: string]: unknown };

/** Nothing goes at once but what is kept elsewhere, and that is checked again. `hasGate`: where archives have a place, no plan is without one. */
function parseRequirement(action: Action, subject: Subject, hasGate: boolean): Requirement {
  const { require, to } = subject;
  const proof = proofIn(subject);
  const isPermanent = to === "nowhere";
  const isPlan =
    Array.isArray(require) &&
    (require.length > 0 || (!hasGate && !isPermanent)) &&
    (isPermanent ? proof && isKeptElsewhere(proof) : to === "trash");
  if (!isPlan || !proof) throw lacksProof(action);
  const gates = new Set((require as unknown[]).map((name) => parseGateName(String(name))));
  if (isPermanent) gates.add(proof.archive ? "archived" : "backed-up");
  return { gates: [...gates], proof, isPermanent };
}

/** Runs say whether they go to the trash, and may go without it where their retention says so; sessions say where to. */
function parseRowRemoval(action: Action, subject: Subject): Requirement {
  const { to, trash, require = [] } = subject;
  const isPermanent = action.verb === "remove-run" ? trash !== true : to === "nowhere";
  if (action.verb === "remove-session" && !isPermanent && to !== "trash")
    throw usageError(
      `the action remove-session ${String(action.id)} does not name the place to which its rows are moved`,
    );
  const proof = proofIn(subject);
  if (!proof || !Array.isArray(require)) throw lacksProof(action);
  const gates = new Set((require as unknown[]).map((name) => parseGateName(String(name))));
  if (proof.archive || (action.verb === "remove-session" && isPermanent)) gates.add("archived");
  return { gates: [...gates], proof, isPermanent };
}

const lacksProof = (action: Action): Error =>
  usageError(
    `the action ${action.verb} ${String(action.id)} of the plan does not name the proof that allows it`,
    "agh-vacuum sessions --json > PLAN",
  );

/** Undefined where one of them is not what a plan says of it. */
function proofIn({ archive, snapshot, seal }: Subject): GateProof | undefined {
  if (!isPlace(archive, "target", "sha256") || !isPlace(snapshot, "repo", "id") || !isPlace(seal, "root"))
    return undefined;
  return {
    ...(archive !== undefined && { archive }),
    ...(snapshot !== undefined && { snapshot }),
    ...(seal !== undefined && { seal }),
  } as GateProof;
}

const isPlace = (value: unknown, ...names: readonly string[]): boolean =>
  value === undefined ||
  (typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as { [name: string]: unknown })[name] === "string"));

/** A session that goes. */
export interface ApprovedRemoval extends PlannedRemoval {
  /** Undefined where nothing but rows goes, which need no look before. */
  readonly local: LocalSession | undefined;
}

export class Recheck {
  #context: RemovalContext;
  #custody: HomeCustody;
  #records: ReadonlyMap<string, SessionRecord>;
  #gates: Gates;
  #collect = createCollector(8 << 20);

  private constructor(context: RemovalContext, gates: GateContext, records: ReadonlyMap<string, SessionRecord>) {
    this.#context = context;
    this.#custody = gates.custody;
    this.#records = records;
    this.#gates = new Gates(gates);
  }

  static async open(removals: readonly PlannedRemoval[], context: RemovalContext): Promise<Recheck> {
    const { home, source, deps } = context;
    const { custody } = await openCustody(context, deps);
    const ids = new Set(removals.filter(isLookedAt).map(({ id }) => id));
    const records = new Map<string, SessionRecord>();
    if (ids.size > 0) {
      for await (const session of source.sessions(home, { lastEvents: true }, withoutProblems(deps))) {
        if (ids.has(session.id)) records.set(session.id, session);
      }
    }
    const archive = source.defaultArchive?.(home.root);
    const gates = { custody, source, deps, archive, repo: undefined, ids: [...records.keys()] };
    return new Recheck(context, gates, records);
  }

  /** Gates read every byte of a session and of what proves that it is kept. */
  async approve(planned: PlannedRemoval): Promise<ApprovedRemoval | { readonly refused: string }> {
    if (!isLookedAt(planned)) return { ...planned, local: undefined };
    const record = this.#records.get(planned.id);
    const local = record && this.#custody.inspect(record);
    if (!local) return { refused: `${planned.isRows ? "it" : "its directory"} does not exist any more` };
    const against = driftOf(planned, local) ?? this.#reasonToKeep(planned, local) ?? this.#notMovable(planned, local);
    if (against !== undefined) return { refused: against };
    const answer = await this.#gates.verify(planned.gates, local, planned.proof);
    this.#collect(2 * local.bytes);
    return "refused" in answer ? answer : { ...planned, local };
  }

  /** Whether nothing is left of what was to go, when it has gone. */
  remainsOf({ local }: ApprovedRemoval): string | undefined {
    const left = local && removedPaths(local).find(({ path }) => isThere(path));
    return left && `${left.path} is still there`;
  }

  /** A run's own retention has decided about it, whether it claims to be running or not. */
  #reasonToKeep({ action }: PlannedRemoval, { session }: LocalSession): string | undefined {
    if (action.verb === "remove-run") return undefined;
    return this.#custody.reasonAgainst(session) ?? doubtAbout(timesOf(session), this.#context.deps.now());
  }

  /** What could not be taken out would leave the run unfinished, and every later one with it. */
  #notMovable({ id, isPermanent }: PlannedRemoval, local: LocalSession): string | undefined {
    const paths = removedPaths(local);
    if (paths.length > 0 && !isName(id)) return "its id cannot be the name of a tombstone";
    return (
      readOnlyPath(paths) ?? mountPoint(local, paths) ?? (isPermanent ? undefined : lacksRoom(local, paths, this.#root))
    );
  }

  get #root(): string {
    return this.#context.home.root;
  }
}

/** Rows without a proof need no look before the transaction that removes them. */
const isLookedAt = ({ isRows, gates }: PlannedRemoval): boolean => !isRows || gates.length > 0;

function driftOf({ action, fingerprint, isRows }: PlannedRemoval, local: LocalSession): string | undefined {
  const paths = removedPaths(local);
  const [path, ledger] = ["session", "ledger"].map((part) => paths.find((one) => one.part === part)?.path);
  const planned = action.subject as { readonly path?: unknown; readonly ledger?: unknown };
  const isSame = isRows || (planned.path === path && planned.ledger === ledger);
  if (fingerprint !== local.fingerprint || !isSame) return "it has changed since the plan";
  const [strange] = local.unexpected;
  return (
    reasonAgainstLinks(local.links) ?? (strange && `${strange.path} in it is not part of a session: ${strange.reason}`)
  );
}

/** What lies behind a link may be used by another home, and a link alone gives nothing back. */
export const reasonAgainstLinks = ([link]: NonNullable<LocalSession["links"]> = []): string | undefined =>
  link && `${link.path} is a symbolic link to ${link.text}: nothing is removed through a link`;

function readOnlyPath(paths: readonly RemovedPath[]): string | undefined {
  const fixed = paths.flatMap(({ path }) => [path, dirname(path)]).find((path) => !mayWrite(path));
  return fixed === undefined ? undefined : `${fixed} is not writable: check its owner and mode`;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(osPath(path), constants.W_OK);
    return true;
  } catch {
    return false; // whatever the reason, it is no place to take something away from
  }
}

/** A mount point can be neither renamed nor removed. */
function mountPoint(local: LocalSession, paths: readonly RemovedPath[]): string | undefined {
  const mounts = listMounts();
  for (const { path } of paths) {
    const [within, around] = [mountWithin(path, mounts), mountOf(path, mounts)];
    if (within) return `${within.path} is a mount point: unmount it first`;
    if (around?.isReadOnly) return `${around.path} is mounted read-only`;
  }
  for (const { from, found } of movablePaths(local)) {
    const top = paths.find(({ path }) => from === path || from.startsWith(`${path}/`));
    if (top && found.stat.dev !== deviceOf(dirname(top.path))) return `${from} is a mount point: unmount it first`;
  }
  return undefined;
}

const deviceOf = (path: string): bigint => lstatSync(osPath(path), { bigint: true }).dev;

/** A copy needs what a rename does not. */
function lacksRoom({ bytes }: LocalSession, paths: readonly RemovedPath[], root: string): string | undefined {
  if (!paths.some(({ path }) => isElsewhere(path, root))) return undefined;
  const { bavail, bsize } = statfsSync(osPath(root) as string);
  const free = bavail * bsize;
  return free > bytes + MARGIN
    ? undefined
    : `it is on another file system than the trash, which has ${free} bytes free and needs ${bytes}: archive the session first, then it is removed at once`;
}

const MARGIN = 16 << 20;

const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;
