// What must be proven of a session before it goes: that it is archived, sealed, or in a backup.
import type { Deps } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { HomeCustody, LocalSession } from "../../sources/custody.ts";
import type { Source } from "../../sources/source.ts";

export const GATES = ["archived", "sealed", "backed-up"] as const;
export type GateName = (typeof GATES)[number];

/** What proves it; goes into the action, so that the same is checked again. */
export interface GateProof {
  readonly archive?: { readonly target: string; readonly sha256: string };
  readonly seal?: { readonly root: string };
  readonly snapshot?: { readonly repo: string; readonly id: string };
}

/** A proof, or in words why there is none. */
export type GateResult =
  | {
      readonly proof: GateProof;
      /** Files that no copy takes and this one does not hold, by their paths in an archive. */
      readonly lacks?: readonly string[];
    }
  | { readonly refused: string };

export interface Gate {
  /** From receipts, seals and manifests; contents are read only where sizes and times leave it open. */
  check(session: LocalSession): Promise<GateResult>;
  /** Reads every byte, here and there. */
  verify(session: LocalSession, proof: GateProof): Promise<GateResult>;
}

export interface GateContext {
  readonly custody: HomeCustody;
  readonly source: Source;
  readonly deps: Deps;
  /** Where archives lie, unless a selection says otherwise: a directory or s3://. */
  readonly archive: string | undefined;
  /** All sessions that will be verified, where they are known. */
  readonly ids?: readonly string[];
  /** The backup repository, where one is named. */
  readonly repo: string | undefined;
}

/** A proof that outlives the home's own files: what it speaks of can go at once. */
export const isKeptElsewhere = ({ archive, snapshot }: GateProof): boolean =>
  archive !== undefined || snapshot !== undefined;

const lackedByBoth = (one: readonly string[] | undefined, other: readonly string[]): readonly string[] =>
  one === undefined ? other : one.filter((path) => other.includes(path));

/** The gates of one home, each made once for all sessions that have their archives in one place. */
export class Gates {
  #context: GateContext;
  #made = new Map<string, Promise<Gate>>();

  constructor(context: GateContext) {
    this.#context = context;
  }

  /** Every gate's proof, or the first refusal. `archive` takes the place of the one that is meant for all. */
  async check(names: readonly GateName[], session: LocalSession, archive?: string): Promise<GateResult> {
    let proof: GateProof = {};
    let lacks: readonly string[] | undefined;
    for (const name of names) {
      const answer = await (await this.#gate(name, { archive })).check(session);
      if ("refused" in answer) return answer;
      proof = { ...proof, ...answer.proof };
      if (isKeptElsewhere(answer.proof)) lacks = lackedByBoth(lacks, answer.lacks ?? []);
    }
    return { proof, lacks: lacks ?? [] };
  }

  /** Against the very archive and snapshot that the proof names. */
  async verify(names: readonly GateName[], session: LocalSession, proof: GateProof): Promise<GateResult> {
    const places = { archive: proof.archive?.target, repo: proof.snapshot?.repo };
    for (const name of names) {
      const answer = await (await this.#gate(name, places)).verify(session, proof);
      if ("refused" in answer) return answer;
    }
    return { proof };
  }

  #gate(name: GateName, { archive, repo }: Partial<Pick<GateContext, "archive" | "repo">>): Promise<Gate> {
    const context = { ...this.#context, archive: archive ?? this.#context.archive, repo: repo ?? this.#context.repo };
    const key = `${name}\0${context.archive}\0${context.repo}`;
    const gate = this.#made.get(key) ?? createGate(name, context);
    this.#made.set(key, gate);
    return gate;
  }
}

async function createGate(name: GateName, context: GateContext): Promise<Gate> {
  if (name === "archived") return (await import("./archived-gate.ts")).archivedGate(context);
  if (name === "sealed") return (await import("./sealed-gate.ts")).sealedGate(context);
  return (await import("./backed-up-gate.ts")).backedUpGate(context);
}

export function parseGateName(word: string): GateName {
  const name = GATES.find((one) => one === word);
  if (name) return name;
  throw usageError(`'${word}' is not a gate`, `--require ${GATES.join("|")}`);
}
