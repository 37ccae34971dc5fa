// Holds names and messages to docs/glossary.md.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { test } from "node:test";
import { parseAst } from "rolldown/parseAst";
import { root } from "./imports.ts";

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const files = globSync(["bin/**/*.ts", "lib/**/*.ts", "scripts/**/*.ts", "test/**/*.ts"], { cwd: root })
  .map((file) => file.replaceAll("\\", "/"))
  .sort();

const FORBIDDEN = new Set(
  /These words stand in no name[^`]*`([^`]+)`/
    .exec(readFileSync(resolve(root, "docs/glossary.md"), "utf8"))![1]!
    .split(" "),
);

/** Keys that stand in records, plans and evidence: what was published is not renamed. */
const PUBLISHED = new Set(["odd", "asked", "trouble"]);

const trees = new Map<string, Node>();
const treeOf = (file: string): Node => {
  const known = trees.get(file);
  if (known) return known;
  const tree = parseAst(readFileSync(resolve(root, file), "utf8"), { lang: "ts" }) as unknown as Node;
  trees.set(file, tree);
  return tree;
};

function* nodes(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === "object" && child !== null && "type" in child) yield* nodes(child as Node);
    }
  }
}

/** `catalogError`, `catalog-error`, `CATALOG_ERROR` → catalog, error. */
const wordsOf = (name: string): string[] =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

const isForbidden = (name: string): boolean => wordsOf(name).some((word) => FORBIDDEN.has(word));

test("the glossary names the words that are not used", () => assert.ok(FORBIDDEN.size > 15));

test("no identifier has a forbidden word", () => {
  const bad = files.flatMap((file) =>
    [...nodes(treeOf(file))]
      .filter(({ type }) => type === "Identifier" || type === "PrivateIdentifier")
      .map(({ name }) => String(name))
      .filter((name) => isForbidden(name) && !PUBLISHED.has(name))
      .map((name) => `${file}: ${name}`),
  );
  assert.deepEqual([...new Set(bad)], []);
});

test("no file name has a forbidden word", () => {
  assert.deepEqual(
    files.filter((file) => file.split("/").some((part) => isForbidden(basename(part, ".ts")))),
    [],
  );
});

/** Names that a file exports and defines, by what they are. */
function exportsOf(file: string): { readonly name: string; readonly isType: boolean }[] {
  const found: { name: string; isType: boolean }[] = [];
  for (const statement of treeOf(file)["body"] as Node[]) {
    const declaration = statement.type === "ExportNamedDeclaration" ? (statement["declaration"] as Node | null) : null;
    if (!declaration) continue;
    const nameOf = (node: unknown): string => String((node as { name: unknown }).name);
    if (/^TS(?:Interface|TypeAlias)Declaration$|^ClassDeclaration$/.test(declaration.type)) {
      found.push({ name: nameOf(declaration["id"]), isType: true });
    } else if (declaration.type === "FunctionDeclaration") {
      found.push({ name: nameOf(declaration["id"]), isType: false });
    } else if (declaration.type === "VariableDeclaration") {
      for (const { id, init } of declaration["declarations"] as { id: Node; init: Node | null }[]) {
        if (/Function/.test(init?.type ?? "")) found.push({ name: nameOf(id), isType: false });
      }
    }
  }
  return found;
}

function twice(keyed: readonly (readonly [key: string, file: string])[]): string[] {
  return [...Map.groupBy(keyed, ([key]) => key)]
    .filter(([, all]) => all.length > 1)
    .map(([key, all]) => `${key}: ${all.map(([, file]) => file).join(", ")}`);
}

test("an exported type has a name of its own in the repository", () => {
  const types = files.flatMap((file) =>
    exportsOf(file)
      .filter(({ isType }) => isType)
      .map(({ name }) => [name, file] as const),
  );
  assert.deepEqual(twice(types), []);
});

test("an exported function has a name of its own in its folder", () => {
  const functions = files.flatMap((file) =>
    exportsOf(file)
      .filter(({ isType }) => !isType)
      .map(({ name }) => [`${dirname(file)}: ${name}`, file] as const),
  );
  assert.deepEqual(twice(functions), []);
});

/** Private English that a reader must translate. */
const RIDDLES = /\b(?:is|are) no (?!longer\b|more\b)[a-z]|\bhas not got\b|\bis told\b|\bmade anew\b|\bthere is no\b/;

test("messages are plain sentences", () => {
  const bad = files
    .filter((file) => /^(?:bin|lib)\//.test(file))
    .flatMap((file) =>
      [...nodes(treeOf(file))].flatMap((node) => {
        const text = node.type === "TemplateElement" ? (node["value"] as { cooked: string }).cooked : node["value"];
        const isText = node.type === "TemplateElement" || node.type === "Literal";
        return isText && typeof text === "string" && RIDDLES.test(text) ? [`${file}: ${text.slice(0, 120)}`] : [];
      }),
    );
  assert.deepEqual(bad, []);
});
