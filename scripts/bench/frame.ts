// Compares ours with a named anchor: interleaved runs, minimum and median, the ratio and a verdict.
import type { Sample } from "./measure.ts";
import { installed, measure, peakMiB } from "./measure.ts";

export interface Contender {
  readonly name: string;
  /** A bash command. */
  readonly command: string;
  /** The program without which it is skipped. */
  readonly needs?: string;
}

export interface BenchTarget {
  /** As in the table of targets: "≤ 0.9 ×". */
  readonly text: string;
  /** Largest allowed ours / anchor. */
  readonly most: number;
}

export interface BenchComparison {
  /** The row: P5. */
  readonly name: string;
  readonly what: string;
  readonly anchor: Contender;
  readonly ours: Contender;
  readonly target: BenchTarget;
  /** CPU where start-up is the matter; else wall time. */
  readonly by?: "wall" | "cpu";
  readonly runs?: number;
  /** Done before every run, not measured: evict, or take the last run's output away. */
  readonly before?: (whose: Contender) => void;
  /** Done once all is measured. */
  readonly after?: () => void;
}

export interface Figure {
  readonly name: string;
  readonly min: Sample;
  readonly median: Sample;
  readonly peakMiB: number | undefined;
}

export type BenchOutcome =
  | { readonly row: string; readonly what: string; readonly verdict: "skipped"; readonly because: string }
  | {
      readonly row: string;
      readonly what: string;
      readonly verdict: "ok" | "short";
      readonly target: string;
      readonly by: "wall" | "cpu";
      /** Ours / anchor, of the medians and of the minima. */
      readonly ratio: { readonly median: number; readonly min: number };
      readonly anchor: Figure;
      readonly ours: Figure;
    };

/** The median decides. A program that is not installed makes the row skipped, and is named. */
export function compare(comparison: BenchComparison): BenchOutcome {
  const { name: row, what, anchor, ours, target, by = "wall", runs = 5, before, after } = comparison;
  const missing = [anchor, ours].flatMap((it) => (it.needs === undefined || installed(it.needs) ? [] : [it.needs]));
  if (missing.length > 0) return { row, what, verdict: "skipped", because: `not installed: ${missing.join(", ")}` };
  const samples = new Map<Contender, Sample[]>([
    [anchor, []],
    [ours, []],
  ]);
  const peaks: (number | undefined)[] = [];
  try {
    for (const it of [anchor, ours]) {
      before?.(it);
      peaks.push(peakMiB(it.command));
    }
    for (let run = 0; run < runs; run++) {
      // Who goes first changes every run: neither always finds the caches the other has warmed.
      for (const it of run % 2 === 0 ? [anchor, ours] : [ours, anchor]) {
        before?.(it);
        samples.get(it)!.push(measure(it.command));
      }
    }
  } finally {
    after?.();
  }
  const theirs = figure(anchor, samples.get(anchor)!, peaks[0]);
  const own = figure(ours, samples.get(ours)!, peaks[1]);
  const ratio = { median: quotient(own.median[by], theirs.median[by]), min: quotient(own.min[by], theirs.min[by]) };
  const verdict = ratio.median <= target.most ? "ok" : "short";
  return { row, what, verdict, target: target.text, by, ratio, anchor: theirs, ours: own };
}

/** One line for people. */
export function describe(outcome: BenchOutcome): string {
  const head = `${outcome.row.padEnd(4)} ${outcome.what}`;
  if (outcome.verdict === "skipped") return `${head}: skipped, ${outcome.because}`;
  const { anchor, ours, by, ratio, target, verdict } = outcome;
  const times = [anchor, ours].map(
    (it) => `${it.name} ${it.median[by].toFixed(3)} s (min ${it.min[by].toFixed(3)}${memory(it)})`,
  );
  const verdictText = verdict === "ok" ? "ok" : `SHORT of ${target}`;
  return `${head}: ${times.join(" · ")} · ${by} ratio ${ratio.median.toFixed(2)} (${target}) ${verdictText}`;
}

function memory(figure: Figure): string {
  return figure.peakMiB === undefined ? "" : `, ${figure.peakMiB} MiB`;
}

function figure(contender: Contender, samples: readonly Sample[], peak: number | undefined): Figure {
  const at = (share: number): Sample => ({
    wall: rank(
      samples.map((it) => it.wall),
      share,
    ),
    cpu: rank(
      samples.map((it) => it.cpu),
      share,
    ),
  });
  return { name: contender.name, min: at(0), median: at(0.5), peakMiB: peak };
}

function rank(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)]!;
}

function quotient(ours: number, anchor: number): number {
  return Math.round((ours / Math.max(anchor, 1e-6)) * 1000) / 1000;
}
