// What must be proven of a session before it goes: that it is archived, sealed, or in a backup.
import type { Scratch } from "../../files/scratch.ts";
import type { Deps } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Home } from "../../sources/source.ts";
import type { LocalSession } from "../local-session.ts";

export const GATES = ["archived", "sealed", "backed-up"] as const;
export type GateName = (typeof GATES)[number];

/** What proves it; goes into the action, so that the same is asked again. */
export interface GateProof {
  readonly archive?: { readonly target: string; readonly sha256: string };
  readonly seal?: { readonly root: string };
  readonly snapshot?: { readonly repo: string; readonly id: string };
}

/** A proof, or in words why there is none. */
export type GateResult = { readonly proof: GateProof } | { readonly refused: string };

export interface Gate {
  /** From receipts, seals and manifests; contents are read only where sizes and times leave it open. */
  check(session: LocalSession): Promise<GateResult>;
  /** Reads every byte, here and there. */
  verify(session: LocalSession, proof: GateProof): Promise<GateResult>;
}

export interface GateContext {
  readonly home: Home;
  readonly scratch: Scratch;
  readonly deps: Deps;
  /** Where archives lie, unless a selection says otherwise: a directory or s3://. */
  readonly archive: string;
  /** The backup repository, where one is named. */
  readonly repo: string | undefined;
}

/** A proof that outlives the home's own files: what it speaks of can go at once. */
export const isKeptElsewhere = ({ archive, snapshot }: GateProof): boolean =>
  archive !== undefined || snapshot !== undefined;

/** The gates that are asked for, each made once for all sessions. */
export class Gates {
  #context: GateContext;
  #made = new Map<GateName, Promise<Gate>>();

  constructor(context: GateContext) {
    this.#context = context;
  }

  /** Every gate's proof, or the first refusal. */
  async check(names: readonly GateName[], session: LocalSession): Promise<GateResult> {
    let proof: GateProof = {};
    for (const name of names) {
      const answer = await (await this.#gate(name)).check(session);
      if ("refused" in answer) return answer;
      proof = { ...proof, ...answer.proof };
    }
    return { proof };
  }

  async verify(names: readonly GateName[], session: LocalSession, proof: GateProof): Promise<GateResult> {
    for (const name of names) {
      const answer = await (await this.#gate(name)).verify(session, proof);
      if ("refused" in answer) return answer;
    }
    return { proof };
  }

  #gate(name: GateName): Promise<Gate> {
    const known = this.#made.get(name) ?? createGate(name, this.#context);
    this.#made.set(name, known);
    return known;
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
