// A `.env` file as python-dotenv reads it: quotes, `export`, comments, `${NAME}`.

/** One assignment; the last one of a name counts. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

const KEY = /^[ \t]*(?:export[ \t]+)?(?:'([^']+)'|([^=#\s]+))[ \t]*=[ \t]*/;
const SINGLE = /^'((?:[^'\\]|\\.)*)'/s;
const DOUBLE = /^"((?:[^"\\]|\\.)*)"/s;
const BARE = /^[^\r\n]*/;

/** The assignments in order; a line that is none is passed over, as python-dotenv does with a warning. */
export function parseDotenv(text: string, env: { readonly [name: string]: string | undefined } = {}): Assignment[] {
  const found: Assignment[] = [];
  const known = new Map<string, string>();
  let rest = text.replace(/^\ufeff/, "");
  for (let line = 1; rest !== "";) {
    const { value, name, taken } = first(rest);
    if (name !== undefined && value !== undefined) {
      const whole = value.literal ? value.text : interpolated(value.text, known, env);
      known.set(name, whole);
      found.push({ name, value: whole, line });
    }
    line += (taken.match(/\r\n|\n|\r/g) ?? []).length;
    rest = rest.slice(taken.length);
  }
  return found;
}

interface Value {
  readonly text: string;
  /** In single quotes nothing is put in. */
  readonly literal: boolean;
}

interface First {
  readonly name?: string;
  readonly value?: Value;
  /** With its line break. */
  readonly taken: string;
}

function first(text: string): First {
  const key = KEY.exec(text);
  if (!key || key[0].includes("\n")) return { taken: wholeLine(text, 0) };
  const after = text.slice(key[0].length);
  const name = key[1] ?? key[2]!;
  const quoted = SINGLE.exec(after) ?? DOUBLE.exec(after);
  if (quoted) {
    const end = key[0].length + quoted[0].length;
    const single = after.startsWith("'");
    const value = single ? quoted[1]!.replace(/\\([\\'])/g, "$1") : unescaped(quoted[1]!);
    return { name, value: { text: value, literal: single }, taken: text.slice(0, end) + wholeLine(text, end) };
  }
  const bare = BARE.exec(after)![0];
  const value = bare.replace(/\s+#.*$|^#.*$/, "").trimEnd();
  return { name, value: { text: value, literal: false }, taken: wholeLine(text, 0) };
}

function wholeLine(text: string, from: number): string {
  const [line] = /^[^\r\n]*(?:\r\n|\n|\r|$)/.exec(text.slice(from))!;
  return line;
}

const ESCAPES: { readonly [letter: string]: string } = {
  n: "\n",
  r: "\r",
  t: "\t",
  f: "\f",
  b: "\b",
  v: "\v",
  a: "\u0007",
};

const unescaped = (text: string): string =>
  text.replace(/\\(.)/gs, (all, letter: string) => ESCAPES[letter] ?? ("\\'\"".includes(letter) ? letter : all));

const REFERENCE = /\$\{([^}:]*)(?::-([^}]*))?\}/g;

const interpolated = (
  text: string,
  known: ReadonlyMap<string, string>,
  env: { readonly [name: string]: string | undefined },
): string =>
  text.replace(
    REFERENCE,
    (_all, name: string, otherwise: string | undefined) => known.get(name) ?? env[name] ?? otherwise ?? "",
  );
