// What must be proven of a session before it goes: that it is archived, sealed, or in a backup.
import type { Scratch } from "../files/scratch.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";
import type { AtHand } from "./at-hand.ts";

export const GATES = ["archived", "sealed", "backed-up"] as const;
export type GateName = (typeof GATES)[number];

/** What proves it; goes into the action, so that the same is asked again. */
export interface Proof {
  readonly archive?: { readonly target: string; readonly sha256: string };
  readonly seal?: { readonly root: string };
  readonly snapshot?: { readonly repo: string; readonly id: string };
}

/** A proof, or in words why there is none. */
export type Answer = { readonly proof: Proof } | { readonly refused: string };

export interface Gate {
  /** From receipts, seals and manifests; contents are read only where sizes and times leave it open. */
  look(session: AtHand): Promise<Answer>;
  /** Reads every byte, here and there. */
  verify(session: AtHand, proof: Proof): Promise<Answer>;
}

export interface GateWorld {
  readonly home: Home;
  readonly scratch: Scratch;
  readonly deps: Deps;
  /** Where archives lie, unless a selection says otherwise: a directory or s3://. */
  readonly archive: string;
  /** The backup repository, where one is named. */
  readonly repo: string | undefined;
}

/** A proof that outlives the home's own files: what it speaks of can go at once. */
export const isKeptElsewhere = ({ archive, snapshot }: Proof): boolean =>
  archive !== undefined || snapshot !== undefined;

/** The gates that are asked for, each made once for all sessions. */
export class Gates {
  #world: GateWorld;
  #made = new Map<GateName, Promise<Gate>>();

  constructor(world: GateWorld) {
    this.#world = world;
  }

  /** Every gate's proof, or the first refusal. */
  async look(names: readonly GateName[], session: AtHand): Promise<Answer> {
    let proof: Proof = {};
    for (const name of names) {
      const answer = await (await this.#gate(name)).look(session);
      if ("refused" in answer) return answer;
      proof = { ...proof, ...answer.proof };
    }
    return { proof };
  }

  async verify(names: readonly GateName[], session: AtHand, proof: Proof): Promise<Answer> {
    for (const name of names) {
      const answer = await (await this.#gate(name)).verify(session, proof);
      if ("refused" in answer) return answer;
    }
    return { proof };
  }

  #gate(name: GateName): Promise<Gate> {
    const known = this.#made.get(name) ?? make(name, this.#world);
    this.#made.set(name, known);
    return known;
  }
}

async function make(name: GateName, world: GateWorld): Promise<Gate> {
  if (name === "archived") return (await import("./gate-archived.ts")).archivedGate(world);
  if (name === "sealed") return (await import("./gate-sealed.ts")).sealedGate(world);
  return (await import("./gate-backed-up.ts")).backedUpGate(world);
}

export function gateName(word: string): GateName {
  const name = GATES.find((one) => one === word);
  if (name) return name;
  throw usageError(`there is no gate '${word}'`, `--require ${GATES.join("|")}`);
}
