// Has Node's built-in modules asked for instead of imported: start-up is most of a short command's time.
import type { Plugin } from "rolldown";

/** Built-ins of functions alone, whose loading costs milliseconds: the first call loads them. */
const LAZY = new Set(
  ["child_process", "crypto", "os", "timers/promises", "url", "util", "v8", "vm"].map((name) => `node:${name}`),
);

/**
 * `import` of a built-in module evaluates every export's getter (node:util alone costs 3 ms of start-up);
 * asking for the module itself does not. On a Node too old for that the face still lives to say so.
 */
export const plainBuiltins: Plugin = {
  name: "plain-builtins",
  renderChunk: (code) => {
    const plain = code.replace(
      /^import\s+([^"';]+?)\s+from\s*"(node:[\w/]+)";?$/gm,
      (_line, names: string, module: string) =>
        LAZY.has(module) && names.startsWith("{") ? lazily(names, module) : eagerly(names, module),
    );
    return { code: plain };
  },
};

function eagerly(names: string, module: string): string {
  const [, whole, parts] = /^([\w$]+),\s*(\{[\s\S]*\})$/.exec(names) ?? [];
  if (whole !== undefined) return `${eagerly(whole, module)}\n${eagerly(parts!, module)}`;
  const pattern = names.startsWith("* as ") ? names.slice(5) : names.replaceAll(" as ", ": ");
  return `const ${pattern} = (process.getBuiltinModule?.("${module}") ?? {});`;
}

function lazily(names: string, module: string): string {
  const bindings = names
    .replace(/^\{|\}$/g, "")
    .split(",")
    .map((name) => name.trim().split(" as "))
    .filter(([name]) => name);
  const moduleVariable = `__${module.replace(/\W/g, "_")}`;
  const wrapped = bindings.map(
    ([name, local = name]) =>
      `const ${local} = (...of) => (${moduleVariable} ??= process.getBuiltinModule("${module}")).${name}(...of);`,
  );
  return [`let ${moduleVariable};`, ...wrapped].join("\n");
}
