// Where a column lies in a table's records, from the text of its CREATE TABLE.

export interface ColumnPlace {
  /** Position in the record. */
  readonly position: number;
  /** True when the column is the rowid itself: its record then holds NULL. */
  readonly isRowid: boolean;
}

/** The place of a column; undefined when the table has none such, or has no rowid, or has columns that are not stored. */
export function findColumnPlace(sql: string, column: string): ColumnPlace | undefined {
  const tokens = tokensOf(sql);
  const open = tokens.findIndex((token) => token.text === "(");
  const parts = open < 0 ? [] : partsOf(tokens.slice(open + 1));
  const close = parts.pop();
  if (!close || close.some((token) => token.word === "WITHOUT")) return undefined;
  const columns = parts.filter((part) => !isConstraint(part));
  if (columns.some((part) => part.some((token) => token.word === "GENERATED" || token.word === "AS"))) return undefined;
  const columnName = column.toLowerCase();
  const position = columns.findIndex((part) => part[0]?.text.toLowerCase() === columnName);
  const definition = columns[position];
  if (!definition) return undefined;
  const isInteger = definition[1]?.word === "INTEGER" && !CONTINUES.has(definition[2]?.word ?? "");
  const keyed = hasKey(definition) || parts.some((part) => isConstraint(part) && keyOf(part) === columnName);
  return { position, isRowid: isInteger && keyed };
}

interface Token {
  /** What it says, unquoted. */
  readonly text: string;
  /** In capitals when it is a bare word; "" when it is quoted or punctuation. */
  readonly word: string;
}

const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|\[([^\]]*)\]|'((?:[^']|'')*)'|([\p{L}\p{N}_$.+-]+)|([^\s])/gu;

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const [, double, back, bracket, single, word, mark] of sql.matchAll(TOKEN)) {
    const quoted = double?.replaceAll('""', '"') ?? back?.replaceAll("``", "`") ?? bracket ?? single;
    if (quoted !== undefined) tokens.push({ text: quoted, word: "" });
    else if (word !== undefined) tokens.push({ text: word, word: word.toUpperCase() });
    else if (mark !== undefined) tokens.push({ text: mark, word: "" });
  }
  return tokens;
}

/** The definitions between the outer parentheses, and last what follows them. */
function partsOf(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 1;
  for (const token of tokens) {
    if (token.text === "(" && depth > 0) depth++;
    if (token.text === ")" && depth > 0) depth--;
    if ((token.text === "," && depth === 1) || (token.text === ")" && depth === 0)) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return depth === 0 ? parts : [];
}

const CONSTRAINTS = new Set(["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]);

const isConstraint = (part: readonly Token[]): boolean => CONSTRAINTS.has(part[0]?.word ?? "");

/** Words that may follow a type name without being part of it are keywords; these would make the type longer. */
const CONTINUES = new Set(["(", "UNSIGNED", "SIGNED", "BIG"]);

function hasKey(definition: readonly Token[]): boolean {
  const at = definition.findIndex((token) => token.word === "PRIMARY");
  // A quirk that SQLite keeps: INTEGER PRIMARY KEY DESC is no alias of the rowid.
  return at > 0 && definition[at + 2]?.word !== "DESC";
}

/** The one column of a table's PRIMARY KEY (…); undefined when it has several. */
function keyOf(part: readonly Token[]): string | undefined {
  const at = part.findIndex((token) => token.word === "PRIMARY");
  const several = part.some((token) => token.text === "," && token.word === "");
  return at < 0 || several ? undefined : part[at + 3]?.text.toLowerCase();
}
