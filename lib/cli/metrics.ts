// How a run went, as Prometheus reads it from a file (the text format of node_exporter's textfile collector).
import type { Exit } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";

export interface RunMetrics {
  /** Tool and verb: the label by which files of several runs stay apart. */
  readonly command: string;
  /** When it ended. */
  readonly at: Date;
  readonly seconds: number;
  readonly exit: Exit;
  /** Its `summary`, unless it failed before. */
  readonly summary: AnyRecord | undefined;
  /** Its `space` records. */
  readonly space: readonly AnyRecord[];
}

/** The whole file. What a run did not get to know is left out. */
export function metricsText({ command, at, seconds, exit, summary, space }: RunMetrics): string {
  const label = `{command="${command}"}`;
  const gauges: readonly (readonly [name: string, help: string, value: unknown])[] = [
    ["agh_run_timestamp_seconds", "When the last run ended.", at.getTime() / 1000],
    ["agh_run_duration_seconds", "How long it took.", Number(seconds.toFixed(3))],
    ["agh_run_exit_code", "Its exit code; 0 is fine.", exit],
    [
      "agh_run_bytes",
      "Bytes in its summary: what create added to the repository, what verify read.",
      summary?.["bytes"],
    ],
    ["agh_run_items", "Items in its summary: the files of create, the snapshots of verify.", summary?.["items"]],
    ["agh_run_failed_items", "Items that were wrong, skipped or failed.", summary?.["failed"]],
  ];
  const run = gauges
    .filter(([, , value]) => typeof value === "number")
    .map(([name, help, value]) => `${headOf(name, help)}${name}${label} ${String(value)}\n`)
    .join("");
  return run + spaceText(command, space);
}

const headOf = (name: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;

function spaceText(command: string, space: readonly AnyRecord[]): string {
  const lines = space
    .filter(({ bytes }) => typeof bytes === "number")
    .map(({ of, name, bytes }) => {
      const labels = `command="${command}",of="${escapeLabel(of)}",name="${escapeLabel(name)}"`;
      return `agh_space_bytes{${labels}} ${String(bytes)}\n`;
    });
  return lines.length === 0
    ? ""
    : headOf("agh_space_bytes", "Where bytes are, or what a command frees.") + lines.join("");
}

/** A label's value as the format has it. */
const escapeLabel = (value: unknown): string =>
  String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
