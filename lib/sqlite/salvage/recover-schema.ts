// The schema of a broken database: from sqlite_schema's own leaves where they are, else the known one that its rows fit.
import { PAGE, headerAt, parseLeaf } from "./carve-page.ts";
import { readPayload, parseRecord, type CarvedValue } from "./carve-record.ts";
import { countFittingLeaves, buildSchema, type BuiltSchema } from "./known-schema.ts";
import type { PageSurvey, SurveyedTree } from "./page-survey.ts";

export interface SchemaEntry {
  readonly type: "table" | "index" | "trigger" | "view";
  readonly name: string;
  readonly table: string;
  /** 0 where it has none, or none that is known. */
  readonly root: number;
  /** Null for the indexes that a table makes for itself. */
  readonly sql: string | null;
}

/** A runtime's own schema, for files whose schema is lost: its CREATE statements, tables before what is on them. */
export interface KnownSchema {
  readonly name: string;
  readonly statements: readonly string[];
}

const TYPES = new Set<unknown>(["table", "index", "trigger", "view"]);

/** What sqlite_schema holds, by type and name. `lost` where a part of it could not be read. */
export function readSchema(survey: PageSurvey): { entries: SchemaEntry[]; lost: boolean } {
  const tree = survey.walkTable(1);
  survey.findFreed();
  const lost = tree.holes.length > 0;
  const found = new Map<string, SchemaEntry>();
  for (const page of [...tree.leaves.map((at) => at.page), ...(lost ? strays(survey) : [])]) {
    const entries = entriesOn(survey, page);
    if (entries.length > 0) survey.claims[page] = Math.max(1, survey.claims[page] ?? 0);
    for (const entry of entries) {
      const key = `${entry.type} ${entry.name}`;
      if (!found.has(key)) found.set(key, entry);
    }
  }
  return { entries: [...found.values()], lost: lost || isCutOff(survey, tree) };
}

/** Leaves that nobody claims and that hold nothing but rows of a schema. */
function* strays(survey: PageSurvey): Generator<number> {
  for (let page = 2; page <= survey.pages.pageCount; page++) {
    if (survey.claims[page] || survey.freed[page]) continue;
    const bytes = survey.pages.readPage(page);
    if (bytes?.[0] !== PAGE.leaf) continue;
    const cells = parseLeaf(bytes, page, survey.pages.usable)?.cells.length ?? 0;
    if (cells > 0 && entriesOn(survey, page).length === cells) yield page;
  }
}

/** A leaf that does not add up may have lost entries. */
function isCutOff(survey: PageSurvey, tree: SurveyedTree): boolean {
  return tree.leaves.some(({ page }) => {
    const bytes = survey.pages.readPage(page);
    const leaf = bytes && parseLeaf(bytes, page, survey.pages.usable);
    return !leaf?.sound || entriesOn(survey, page).length < leaf.cells.length;
  });
}

function entriesOn(survey: PageSurvey, page: number): SchemaEntry[] {
  const bytes = survey.pages.readPage(page);
  const leaf = bytes?.[headerAt(page)] === PAGE.leaf ? parseLeaf(bytes, page, survey.pages.usable) : undefined;
  if (!bytes || !leaf) return [];
  const entries: SchemaEntry[] = [];
  for (const cell of leaf.cells) {
    if (cell.state === "stale" || cell.length > MAX_ENTRY) continue;
    const start = parseRecord(bytes.subarray(cell.at, cell.at + cell.local), cell.length);
    if (!TYPES.has(start?.values[0])) continue;
    const payload = readPayload(survey.pages, bytes, cell, () => true);
    const record = payload.whole ? parseRecord(payload.bytes, cell.length) : undefined;
    const entry = record?.whole ? entryOf(record.values) : undefined;
    if (entry) entries.push(entry);
  }
  return entries;
}

/** The longest statement that is taken for one. */
const MAX_ENTRY = 1_000_000;

function entryOf(values: readonly (CarvedValue | undefined)[]): SchemaEntry | undefined {
  const [type, name, table, root, sql] = values;
  if (values.length !== 5 || !TYPES.has(type) || typeof name !== "string" || typeof table !== "string")
    return undefined;
  if (sql !== null && typeof sql !== "string") return undefined;
  const number = typeof root === "bigint" && root >= 0n && root <= 0xffffffffn ? Number(root) : 0;
  return { type: type as SchemaEntry["type"], name, table, root: number, sql: sql ?? null };
}

export interface RecoveredSchema {
  /** `own`, or the known schema's name. */
  readonly name: string;
  readonly entries: readonly SchemaEntry[];
}

/** The file's own schema where it is whole; what of it is lost, from the known one that fits; nothing where none does. */
export function recoverSchema(survey: PageSurvey, known: readonly KnownSchema[]): RecoveredSchema {
  const { entries, lost } = readSchema(survey);
  const tables = entries.filter(({ type, sql }) => type === "table" && sql !== null);
  const best = lost ? pickBest(known.map(buildSchema), tables, survey) : undefined;
  if (!best) return { name: "own", entries: tables.length > 0 || !lost ? entries : [] };
  const there = new Set(entries.map(({ type, name }) => `${type} ${name}`));
  const missing = best.entries.filter(({ type, name }) => !there.has(`${type} ${name}`));
  return { name: missing.length === 0 ? "own" : best.name, entries: [...entries, ...missing] };
}

/** The one that has every table which is left, and that most leaves fit. */
function pickBest(
  known: readonly BuiltSchema[],
  tables: readonly SchemaEntry[],
  survey: PageSurvey,
): BuiltSchema | undefined {
  const ours = tables.filter(({ name }) => !name.startsWith("sqlite_"));
  const possible = known.filter((one) => ours.every(({ name }) => one.shapes.some(({ table }) => table === name)));
  const scored = possible.map((one) => ({ one, score: countFittingLeaves(one, survey) + ours.length }));
  return scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score)[0]?.one;
}
