// The generated parts of the contract: record kinds and exit codes.
import { EXIT_MEANINGS } from "../../lib/cli/exit.ts";
import { KINDS } from "../../lib/records/kinds.ts";
import { runtimeNames } from "../../lib/sources/runtimes.ts";
import type { JsonSchema, Kind } from "../../lib/records/shape.ts";

export function exitCodes(): string {
  return `# Exit codes

The same for all six commands; the severest of many items wins (70 > 6 > 5 > 4 > 2 > 3 > 1 > 0). This page is generated.

| code | is | when |
|---|---|---|
${EXIT_MEANINGS.map(([code, short, when]) => `| ${code} | ${short} | ${when} |`).join("\n")}
`;
}

export function recordKinds(): string {
  return [...KINDS.values()].map(section).join("\n");
}

function section({ name, doc, fields }: Kind): string {
  const rows = Object.entries(fields).map(
    ([field, { schema, optional }]) =>
      `| \`${field}\` | ${field === "runtime" ? RUNTIME : typeText(schema)} | ${optional ? "may be absent" : ""} | ${String(schema["description"] ?? "").replaceAll("|", "\\|")} |`,
  );
  return `### ${name}\n${doc}\n\n| key | type | | is |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** Open: others can be registered. */
const RUNTIME = `${runtimeNames()
  .map((name) => `\`${name}\``)
  .join(" ")} …`;

function typeText(schema: JsonSchema): string {
  if (Array.isArray(schema["enum"]))
    return (schema["enum"] as unknown[]).map((value) => `\`${String(value)}\``).join(" ");
  if (schema["format"] === "date-time") return Array.isArray(schema["type"]) ? "time, null" : "time";
  const type = schema["type"];
  return type === undefined ? "any JSON" : [type].flat().join(", ");
}
