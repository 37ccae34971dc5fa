// docs/findings.md: every finding of agh-reconcile check, from the table that finds them.
import { storeNames } from "../../lib/reconcile/explain.ts";
import { BY_RUNTIME, RULES } from "../../lib/reconcile/rules.ts";
import { STATE_MATRIX } from "../../lib/sources/agh/checks/state-matrix.ts";

export function findings(): string {
  const combined = new Set(Object.values(STATE_MATRIX).map(({ code }) => code));
  const [[, own], ...runtimes] = BY_RUNTIME as [(typeof BY_RUNTIME)[0], ...typeof BY_RUNTIME];
  const others = [...own].filter(([code]) => !combined.has(code));
  return `# Findings

What \`agh-reconcile check\` reports; \`agh-reconcile explain CODE\` says the same. This page is generated.

Severity: **error**: something is lost, or AGH will not start; **warn**: look at it; **info**: AGH itself repairs it, or it
is as it should be; **ok**: nothing is reported. The plan takes the first action that can be done.

## Where a session is
A meta.json that AGH would skip counts as none, and so does an empty events.db; a tombstone counts as an archive.

| code | severity | has | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${Object.entries(STATE_MATRIX)
  .map(([stores, { code }]) => row(code, storeNames(stores)))
  .join("\n")}

## Everything else
| code | severity | level | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${others.map(([code, { level }]) => row(code, level)).join("\n")}
${runtimes.map(([name, rules]) => section(name, rules)).join("")}`;
}

const section = (name: string, rules: typeof RULES): string => `
## ${name}
| code | severity | level | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${[...rules].map(([code, { level }]) => row(code, level)).join("\n")}
`;

function row(code: string, third: string): string {
  const { severity, verdict, arises, action, loses } = RULES.get(code)!;
  const cells = [`\`${code}\``, severity, third, verdict, arises, action.join(", else ") || "none", loses];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
