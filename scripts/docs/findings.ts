// docs/findings.md: every finding of agh-reconcile check, from the table that finds them.
import { COMMON_RULES } from "../../lib/sources/deep-checks.ts";
import { loadRepairers } from "../../lib/reconcile/rules.ts";
import type { FindingRule, FindingRules } from "../../lib/sources/repair.ts";

export async function findings(): Promise<string> {
  const [first, ...runtimes] = await loadRepairers();
  const own = [...first!.rules];
  return `# Findings

What \`agh-reconcile check\` reports; \`agh-reconcile explain CODE\` says the same. This page is generated.

Severity: **error**: something is lost, or AGH will not start; **warn**: look at it; **info**: AGH itself repairs it, or it
is as it should be; **ok**: nothing is reported. The plan takes the first action that can be done.

## Where a session is
A meta.json that AGH would skip counts as none, and so does an empty events.db; a tombstone counts as an archive.

| code | severity | has | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${own.flatMap(([code, rule]) => (rule.stores === undefined ? [] : [row(code, rule, rule.stores)])).join("\n")}

## Everything else
| code | severity | level | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${own.flatMap(([code, rule]) => (rule.stores === undefined ? [row(code, rule)] : [])).join("\n")}
${runtimes.map(({ title, rules }) => section(title, rules)).join("")}${section("Every runtime", COMMON_RULES)}`;
}

const section = (name: string, rules: FindingRules): string => `
## ${name}
| code | severity | level | verdict | how it arises | action | what it loses, or what to do |
|---|---|---|---|---|---|---|
${[...rules].map(([code, rule]) => row(code, rule)).join("\n")}
`;

function row(
  code: string,
  { severity, verdict, arises, action, loses, level }: FindingRule,
  third: string = level,
): string {
  const cells = [`\`${code}\``, severity, third, verdict, arises, action.join(", else ") || "none", loses];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
