// Bundles what tsc has declared into one file: the exports of an entry, and what their declarations need of other files.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** A name as it is known in one module: declared there, or imported. */
interface Binding {
  readonly module: Module;
  readonly name: string;
}

interface Module {
  readonly path: string;
  /** Name → its declarations: overloads have several. */
  readonly declarations: Map<string, string[]>;
  /** Local name → where it is from; a package's under its specifier. */
  readonly imports: Map<string, { readonly from: string; readonly name: string }>;
  /** `export … from`: exported name → where it is from. */
  readonly reexports: Map<string, { readonly from: string; readonly name: string }>;
  /** `export * from`; of a type-only one the types alone. */
  readonly stars: { readonly from: string; readonly typeOnly: boolean }[];
  readonly exported: Set<string>;
}

export interface BundleOptions {
  /** The `.d.ts` file whose exports are public. */
  readonly entry: string;
  /** Changes what tsc has written of a file. */
  readonly rewrite?: (text: string) => string;
  /** What another bundle exports already, and its specifier. */
  readonly shared?: { readonly names: ReadonlySet<string>; readonly specifier: string };
}

export interface DeclarationBundle {
  readonly text: string;
  readonly names: ReadonlySet<string>;
}

export function bundleDeclarations({ entry, rewrite, shared }: BundleOptions): DeclarationBundle {
  const bundle = new Bundle(shared?.names ?? new Set(), rewrite ?? ((text) => text));
  const exports = bundle.exportsOf(resolve(entry));
  for (const [name, binding] of exports) bundle.add(binding, name);
  const { text, borrowed } = bundle.render();
  const lines = [
    ...(borrowed.length > 0 ? [`import type { ${borrowed.join(", ")} } from "${shared!.specifier}";`] : []),
    text,
    `export { ${[...exports.keys()].sort().join(", ")} };`,
    "",
  ];
  return { text: lines.join("\n"), names: new Set(exports.keys()) };
}

/** Types and classes begin with a capital letter here; values are mentioned as `typeof value` or `[value]`, all else are names of properties. */
const MENTIONED = /(?<![.\w$"'#])[A-Z][\w$]*|(?<=\btypeof |\[)[a-z_$][\w$]*(?![\w$]*:)/g;

class Bundle {
  readonly #shared: ReadonlySet<string>;
  readonly #rewrite: (text: string) => string;
  readonly #modules = new Map<string, Module>();
  /** Declaration → the name that it bears in the bundle. */
  readonly #names = new Map<string, string>();
  readonly #texts = new Map<string, { readonly binding: Binding; readonly scope: Map<string, string> }>();
  readonly #taken = new Set<string>();
  readonly #packages = new Map<string, Set<string>>();
  readonly #borrowed = new Set<string>();

  constructor(shared: ReadonlySet<string>, rewrite: (text: string) => string) {
    this.#shared = shared;
    this.#rewrite = rewrite;
  }

  /** Every name that a module exports, and what declares it. */
  exportsOf(path: string): Map<string, Binding> {
    const module = this.#load(path);
    const found = new Map<string, Binding>();
    for (const { from, typeOnly } of module.stars) {
      for (const [name, binding] of this.exportsOf(from)) if (!typeOnly || isType(binding)) found.set(name, binding);
    }
    for (const name of module.exported) found.set(name, this.#resolve(module, name)!);
    for (const [name, { from, name: original }] of module.reexports) {
      found.set(name, this.exportsOf(from).get(original) ?? fail(`${from} does not export ${original}`));
    }
    return found;
  }

  /** Takes a declaration with all that it needs; gives the name that it has in the bundle. */
  add(binding: Binding, wish = binding.name): string {
    const key = `${binding.module.path}#${binding.name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#freeName(wish, binding);
    this.#names.set(key, name);
    const scope = new Map<string, string>([[binding.name, name]]);
    this.#texts.set(key, { binding, scope });
    for (const text of binding.module.declarations.get(binding.name)!) {
      for (const [word] of withoutComments(text).matchAll(MENTIONED)) {
        if (!scope.has(word)) this.#bind(word, binding.module, scope);
      }
    }
    return name;
  }

  #bind(word: string, module: Module, scope: Map<string, string>): void {
    const target = this.#resolve(module, word);
    if (!target) return;
    if (this.#shared.has(target.name) && this.exportsOf(target.module.path).has(target.name)) {
      this.#borrowed.add(target.name);
      this.#taken.add(target.name);
    } else scope.set(word, this.add(target));
  }

  render(): { readonly text: string; readonly borrowed: readonly string[] } {
    const imports = [...this.#packages].map(
      ([from, names]) => `import type { ${[...names].sort().join(", ")} } from "${from}";`,
    );
    const texts = [...this.#texts.values()].flatMap(({ binding, scope }) =>
      binding.module.declarations.get(binding.name)!.map((text) => renamed(text, scope)),
    );
    return { text: [...imports, ...texts].join("\n"), borrowed: [...this.#borrowed].sort() };
  }

  #freeName(wish: string, { module }: Binding): string {
    if (!this.#taken.has(wish)) {
      this.#taken.add(wish);
      return wish;
    }
    // A property of that name would be renamed with it.
    if (!/^[A-Z]/.test(wish)) fail(`${wish} of ${module.path} is declared in another module, too`);
    for (let number = 2; ; number++) {
      const name = `${wish}${number}`;
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return name;
    }
  }

  /** What a name means in a module: undefined for keywords, globals, properties; names of packages are noted. */
  #resolve(module: Module, name: string): Binding | undefined {
    if (module.declarations.has(name)) return { module, name };
    const imported = module.imports.get(name);
    if (!imported) return undefined;
    if (!imported.from.startsWith("/")) {
      const names = this.#packages.get(imported.from) ?? new Set();
      this.#packages.set(imported.from, names.add(imported.name === name ? name : `${imported.name} as ${name}`));
      return undefined;
    }
    return this.exportsOf(imported.from).get(imported.name);
  }

  #load(path: string): Module {
    const known = this.#modules.get(path);
    if (known) return known;
    const module = parseModule(path, this.#rewrite(readFileSync(path, "utf8")));
    this.#modules.set(path, module);
    return module;
  }
}

const isType = ({ module, name }: Binding): boolean =>
  /^\s*(?:export\s+)?(?:declare\s+)?(?:interface|type)\s/.test(withoutComments(module.declarations.get(name)![0]!));

function renamed(text: string, scope: ReadonlyMap<string, string>): string {
  const plain = text.replace(/^((?:\s*\/\*[\s\S]*?\*\/)?\s*)export /, "$1");
  const declared = plain.replace(
    /^((?:\s*\/\*[\s\S]*?\*\/)?\s*)(?=(?:abstract )?(?:function|class|const|let) )/,
    "$1declare ",
  );
  const changes = [...scope].filter(([from, to]) => from !== to);
  return changes.reduce(
    (result, [from, to]) => result.replace(new RegExp(`(?<![.\\w$"'#])${from}(?![\\w$"'])`, "g"), to),
    declared,
  );
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");

function parseModule(path: string, text: string): Module {
  const module: Module = {
    path,
    declarations: new Map(),
    imports: new Map(),
    reexports: new Map(),
    stars: [],
    exported: new Set(),
  };
  const named = text.replace(/\bimport\("([^"]+)"\)\.([A-Za-z_$][\w$]*)/g, (_whole, from: string, name: string) => {
    parseLink(module, `{ ${name} }`, { isImport: true, specifier: from });
    return name;
  });
  for (const statement of statementsOf(named)) parseStatement(module, statement);
  return module;
}

function parseStatement(module: Module, statement: string): void {
  const code = withoutComments(statement).trim();
  if (code === "" || code === "export {};") return;
  const linked = /^(import|export)(\s+type)?\s+(\*|\{[\s\S]*?\})\s*(?:from\s*"([^"]+)")?;$/.exec(code);
  if (linked) {
    const [, keyword, typeOnly, clause, specifier] = linked;
    parseLink(module, clause!, { isImport: keyword === "import", isTypeOnly: typeOnly !== undefined, specifier });
    return;
  }
  const declared =
    /^(export\s+)?(?:declare\s+)?(?:abstract\s+)?(?:function|class|const|let|interface|type|enum)\s+([\w$]+)/.exec(
      code,
    );
  if (!declared) fail(`${module.path}: ${code.slice(0, 100)} is not understood`);
  const [, exported, name] = declared as unknown as [string, string | undefined, string];
  module.declarations.set(name, [...(module.declarations.get(name) ?? []), statement.trim()]);
  if (exported) module.exported.add(name);
}

interface Link {
  readonly isImport: boolean;
  readonly isTypeOnly?: boolean;
  readonly specifier: string | undefined;
}

function parseLink(module: Module, clause: string, { isImport, isTypeOnly = false, specifier }: Link): void {
  const from = specifier?.startsWith(".")
    ? resolve(dirname(module.path), specifier.replace(/\.ts$/, ".d.ts"))
    : specifier;
  if (clause === "*") return void module.stars.push({ from: from!, typeOnly: isTypeOnly });
  for (const part of clause.replace(/[{}]/g, "").split(",")) {
    const [name, local = name] = part
      .trim()
      .replace(/^type\s+/, "")
      .split(/\s+as\s+/);
    if (!name) continue;
    if (isImport) module.imports.set(local!, { from: from!, name });
    else if (from !== undefined) module.reexports.set(local!, { from, name });
    else module.exported.add(name);
  }
}

/** Top-level statements, each with the comment before it. */
function statementsOf(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (const token of text.matchAll(
    /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[{}()[\];]|\n/g,
  )) {
    const [word] = token;
    if ("{([".includes(word)) depth++;
    else if ("})]".includes(word)) depth--;
    const end = token.index + word.length;
    const isEnd = depth === 0 && (word === ";" || (word === "}" && isBlock(text.slice(start, end))));
    if (!isEnd) continue;
    found.push(text.slice(start, end));
    start = end;
  }
  return found;
}

/** Interfaces, classes and enums end with their brace; all else with a semicolon. */
const isBlock = (statement: string): boolean =>
  /^\s*(?:export\s+)?(?:declare\s+)?(?:abstract\s+)?(?:interface|class|enum)\s/.test(withoutComments(statement));

function fail(message: string): never {
  throw new Error(message);
}
