// What operands, selectors and records on stdin name: sessions by their homes, archives by their targets.
import { usageError, type ToolError } from "../records/error.ts";
import type { Deps } from "../records/deps.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionFilter } from "../sources/source.ts";
import { operands } from "./flags.ts";
import type { Input } from "./input.ts";
import { filterOf, placeFlags, selectorFlags, selects, type PlaceValues, type SelectorValues } from "./selectors.ts";

/** The flags of a verb over sessions; `ids` describes its operands. */
export const sessionFlags = (ids: string) => ({ ids: operands("ID", ids), ...placeFlags, ...selectorFlags });

interface OperandValues {
  /** `-` among them reads stdin. */
  readonly ids: readonly string[];
  readonly all?: boolean;
}

/** What a verb over sessions is called with. */
export interface SessionCall {
  readonly values: PlaceValues & SelectorValues & OperandValues;
  readonly deps: Deps;
  readonly input: Input;
}

interface SessionOperands {
  /** Records of these kinds name sessions. */
  readonly kinds: readonly string[];
  /** `--limit` counts what is printed, not sessions. */
  readonly limitsRecords?: boolean;
  /** Thrown where nothing is selected, nor --all given; without it that selects every session. */
  readonly unselected?: ToolError;
  /** `--limit` alone is a selection, too. */
  readonly limitSelects?: boolean;
}

/** Sessions of one home. */
export interface SessionSelection {
  readonly place: PlaceValues & { readonly only?: readonly string[] };
  readonly sessions: SessionFilter;
}

/** Home by home: records bring their own with them. Where stdin names nothing, nothing is selected. */
export async function readSessionOperands(
  { values, deps, input }: SessionCall,
  { kinds, limitsRecords = false, unselected, limitSelects = false }: SessionOperands,
): Promise<SessionSelection[]> {
  const filter = filterOf(limitsRecords ? { ...values, limit: undefined } : values, deps.now());
  const { runtime, homeId } = values;
  const select = (home: string | undefined, ids: readonly string[]): SessionSelection => ({
    place: { home, runtime, homeId, ...(ids.length > 0 && { only: ids }) },
    sessions: { ...filter, ids },
  });
  const { records, ids } = await input.selection(values.ids, kinds);
  const found: SessionSelection[] = [];
  for (const [home, of] of Map.groupBy(records, (record) => values.home ?? homeOf(record))) {
    const named = sessionIds(of);
    if (named.length > 0) found.push(select(home, named));
  }
  const typed = [...ids, ...(filter.ids ?? [])];
  if (typed.length > 0) found.push(select(values.home, typed));
  if (found.length > 0 || values.ids.includes("-")) return found;
  const isSelected = selects(filter) || (limitSelects && filter.limit !== undefined);
  if (unselected && values.all !== true && !isSelected) throw unselected;
  return [select(values.home, [])];
}

/** Runs `list` over the homes of a selection, one after another. */
export async function* overSelections<T>(
  selections: readonly SessionSelection[],
  list: (place: SessionSelection["place"], sessions: SessionFilter) => AsyncIterable<T>,
): AsyncGenerator<T> {
  for (const { place, sessions } of selections) yield* list(place, sessions);
}

/** Kinds of one record a session, which may bear its id as their own. */
const OF_A_SESSION = new Set(["session", "archive", "ledger", "seal", "verdict", "tombstone", "trash", "failure"]);

/** The sessions that records name, each once. */
const sessionIds = (records: readonly AnyRecord[]): string[] => [...new Set(records.map(sessionId).filter(isText))];

const sessionId = ({ kind, id, session_id }: AnyRecord): unknown =>
  session_id ?? (OF_A_SESSION.has(kind) ? id : undefined);

const isText = (value: unknown): value is string => typeof value === "string";

/** The home that a record names; an archive names the one that it was taken of. */
function homeOf({ kind, home, home_path }: AnyRecord): string | undefined {
  const named = kind === "archive" ? home_path : home;
  return isText(named) ? named : undefined;
}

/** Sessions of the one home that a changing verb works on. */
export interface OneHomeSelection {
  readonly place: PlaceValues;
  /** Undefined where nothing was selected; empty where the selection is. */
  readonly selected: ReadonlySet<string> | undefined;
  /** Session id to target, of `archive` records. */
  readonly archives: ReadonlyMap<string, string>;
  /** Ids of the homes that `archive` records were taken of, where --home names none. */
  readonly homeIds: ReadonlySet<string>;
}

/** Records bring their home with them; those of several homes, or of none, are a usage error unless --home names it. */
export async function readHomeOperands(
  { home, runtime, homeId, ids: typed }: PlaceValues & OperandValues,
  input: Input,
  kinds: readonly string[],
): Promise<OneHomeSelection> {
  const { records, ids } = await input.selection(typed, kinds);
  const archived = records.filter(({ kind, target }) => kind === "archive" && isText(target));
  return {
    place: { home: home ?? onlyHome(records), runtime, homeId },
    selected: typed.length > 0 ? new Set([...ids, ...sessionIds(records)]) : undefined,
    archives: new Map(archived.map(({ id, target }) => [String(id), String(target)])),
    homeIds: new Set(home === undefined ? archived.map(({ home_id }) => String(home_id)) : []),
  };
}

function onlyHome(records: readonly AnyRecord[]): string | undefined {
  const homes = new Set(records.map(homeOrThrow));
  if (homes.size < 2) return [...homes][0];
  throw usageError(
    `the selection names sessions of several homes: ${[...homes].join(", ")}`,
    "run it once for each home: --home DIR",
  );
}

function homeOrThrow(record: AnyRecord): string {
  const home = homeOf(record);
  if (home !== undefined) return home;
  throw usageError(`the ${record.kind} ${String(record["id"])} does not name its home`, "name the home: --home DIR");
}

/** Archives in one target; no ids and not all: nothing. */
export interface TargetSelection {
  readonly target: string;
  readonly ids: readonly string[];
  readonly all: boolean;
  /** Narrows both; its ids are none. */
  readonly filter?: SessionFilter;
}

/** Where archives lie that do not name their target. */
export interface ArchiveTargets {
  /** The target of those that are named by nothing but an id, or a prefix of it. */
  find(ids: readonly string[]): Promise<Iterable<readonly [target: string, ids: readonly string[]]>>;
  /** The target when no archive is named. */
  usual(): Promise<string>;
}

interface ArchiveValues extends OperandValues {
  readonly from: string | undefined;
  /** Where the verb takes selectors. */
  readonly filter?: SessionFilter | undefined;
}

/** Target by target: records bring their own with them. Nothing selected at all is a usage error where the verb has --all. */
export async function readArchiveOperands(
  values: ArchiveValues,
  input: Input,
  targets: ArchiveTargets,
): Promise<TargetSelection[]> {
  const { from, all } = values;
  const { records, ids } = await input.selection(values.ids, ["archive", "session"]);
  const { ids: selected = [], ...narrowing } = values.filter ?? {};
  const select = (target: string, of: readonly string[]): TargetSelection => ({
    target,
    ids: of,
    all: false,
    ...(values.filter && { filter: narrowing }),
  });
  const named = [...ids, ...selected];
  const found: TargetSelection[] = [];
  for (const [at, of] of Map.groupBy(records, (record) => from ?? targetOf(record))) {
    if (at === undefined) named.push(...sessionIds(of));
    else found.push(select(at, sessionIds(of)));
  }
  if (named.length > 0) {
    const byTarget = from === undefined ? await targets.find(named) : [[from, named] as const];
    for (const [at, of] of byTarget) found.push(select(at, of));
  }
  if (found.length > 0 || values.ids.includes("-")) return found;
  if (all === false && !selects(narrowing))
    throw usageError("no archives are selected", "name sessions, select them, or pass --all");
  return [{ ...select(from ?? (await targets.usual()), []), all: true }];
}

/** The target that a record names; a session may come of a target, too. */
function targetOf({ home, target }: AnyRecord): string | undefined {
  if (isText(target)) return target;
  return isText(home) && home.startsWith("archive:") ? home.slice("archive:".length) : undefined;
}
