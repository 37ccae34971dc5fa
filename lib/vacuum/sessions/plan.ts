// The sessions of a home as candidates, and one action for each that a policy decides about.
import { removedPaths } from "../../custody/removal.ts";
import { timesOf, type Candidate, type CheckGates, type Decision } from "../../policy/retirement.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import type { HomeCustody, LocalSession } from "../../sources/custody.ts";
import type { Home } from "../../sources/source.ts";
import type { RetirementUpkeep } from "../../sources/upkeep.ts";
import { isKeptElsewhere, type GateName, type GateProof, type GateResult, type Gates } from "../gates/gates.ts";
import { asSkipped, createPlannedAction, type RemovalSpec } from "../removal-types.ts";
import { reasonAgainstLinks } from "./recheck.ts";

export interface PlannerOptions {
  readonly home: Home;
  readonly custody: HomeCustody;
  readonly gates: Gates;
  readonly signal: AbortSignal;
  /** Of the runtime: when a session without events was last used. */
  readonly lastUse: RetirementUpkeep["lastUse"];
  /** Undefined where none were selected: then all are candidates. */
  readonly selected: ReadonlySet<string> | undefined;
  readonly keptAgents: readonly string[];
  readonly keptWorkspaces: ReadonlySet<string>;
  /** [] is archived, where archives have a place. */
  readonly require: readonly GateName[];
  /** Where archives lie, if anywhere. */
  readonly archive: string | undefined;
  /** Session id to where its archive lies, as a selection says. */
  readonly archives: ReadonlyMap<string, string>;
  readonly toolkit: string;
}

/** All sessions of the home that lie in it, and what stands against each. */
export class RetirementPlanner {
  #options: PlannerOptions;
  #records: ReadonlyMap<string, SessionRecord>;
  #sessions = new Map<string, LocalSession>();
  #proofs = new Map<string, GateProof>();
  /** What no copy of a session holds. */
  #lacks = new Map<string, readonly string[]>();

  constructor(records: readonly SessionRecord[], options: PlannerOptions) {
    this.#options = options;
    this.#records = new Map(records.map((record) => [record.id, record]));
    for (const record of records) {
      const local = options.custody.inspect(record);
      if (local) this.#sessions.set(record.id, local);
    }
  }

  candidates(): Candidate[] {
    const { selected, lastUse } = this.#options;
    return [...this.#sessions.values()].map((local) => {
      const { session } = local;
      const times = timesOf(session);
      return {
        id: session.id,
        bytes: local.bytes,
        ...times,
        ...(!session.has.events && lastUse && { last: lastUse(session) }),
        isSelected: selected?.has(session.id) ?? true,
        kept: this.#reasonToKeep(local),
      };
    });
  }

  #reasonToKeep({ session, unexpected, links = [] }: LocalSession): string | undefined {
    const { keptAgents, keptWorkspaces, custody } = this.#options;
    const { agent_name: agent, workspace_id: workspace } = session;
    if (agent !== null && keptAgents.includes(agent)) return `sessions of ${agent} are kept`;
    if (workspace !== null && keptWorkspaces.has(workspace)) return `sessions of ${workspace} are kept`;
    const [first] = unexpected;
    if (first) return `${first.path} in it is not part of a session: ${first.reason}`;
    return reasonAgainstLinks(links) ?? custody.reasonAgainst(session);
  }

  #gatesFor(id: string): { readonly names: readonly GateName[]; readonly archive: string | undefined } {
    const { require, archives, archive: general } = this.#options;
    const archive = archives.get(id) ?? general;
    return { names: require.length > 0 ? require : archive === undefined ? [] : ["archived"], archive };
  }

  /** Why a gate blocks a session; what proves that it may go is kept for its action. */
  readonly checkGates: CheckGates = async (id) => {
    this.#options.signal.throwIfAborted();
    const local = this.#sessions.get(id)!;
    const { names, archive } = this.#gatesFor(id);
    const answer = await this.#options.gates.check(names, local, archive);
    if ("refused" in answer) return answer.refused;
    const { proof, lacks = [] } = await this.#withArchive(local, answer);
    this.#proofs.set(id, proof);
    this.#lacks.set(id, lacks);
    return undefined;
  };

  /** What is archived need not go through the trash, whatever was required. */
  async #withArchive(local: LocalSession, answer: Proven): Promise<Proven> {
    const { archive } = this.#gatesFor(local.id);
    if (isKeptElsewhere(answer.proof) || archive === undefined) return answer;
    const archived = await this.#options.gates.check(["archived"], local, archive);
    return "proof" in archived ? { ...archived, proof: { ...answer.proof, ...archived.proof } } : answer;
  }

  /** What stays by the policy is no news, unless it was selected by name. */
  actionFor({ id, fate, reason }: Decision): Action | undefined {
    const { selected, home, toolkit } = this.#options;
    if (fate === "keep" && !selected) return undefined;
    const spec = this.#specOf(this.#sessions.get(id)!, fate === "remove" ? reason : "");
    const action = createPlannedAction(home, spec, toolkit);
    return fate === "remove" ? action : asSkipped(action, reason);
  }

  #specOf(local: LocalSession, reason: string): RemovalSpec {
    const { id, session, bytes, fingerprint, rows } = local;
    const proof = this.#proofs.get(id);
    const isPermanent = proof !== undefined && isKeptElsewhere(proof);
    const loses = isPermanent ? lossOf(this.#lacks.get(id) ?? []) : "nothing until the trash is emptied";
    const { names } = this.#gatesFor(id);
    const paths = removedPaths(local);
    if (paths.length === 0) {
      const to = isPermanent ? "nowhere" : "trash";
      const subject = { session_id: id, rows, to, ...(names.some(isSpecial) && { require: names }), ...proof };
      return { id, verb: "remove-session", subject, expect: { fingerprint }, reason, bytes, loses };
    }
    const subject = {
      session_id: id,
      path: paths.find(({ part }) => part === "session")?.path,
      ledger: paths.find(({ part }) => part === "ledger")?.path,
      ...(Object.keys(rows).length > 0 && { rows }),
      ...(proof && { to: isPermanent ? "nowhere" : "trash" }),
      size: bytes,
      require: names,
      ...proof,
    };
    const expect = { fingerprint, state: session.state, last_event_at: session.last_event_at ?? null };
    const freed = isPermanent ? bytes : 0;
    return { id, verb: "retire-session", subject, expect, reason, bytes: freed, loses: proof ? loses : null };
  }

  /** How one that goes at once comes back, where all of them lie in one place. */
  undo(): string | undefined {
    const proofs = [...this.#proofs].filter(([id]) => removedPaths(this.#sessions.get(id)!).length > 0);
    const targets = new Set(proofs.map(([, { archive }]) => archive?.target));
    const [target] = targets;
    return targets.size === 1 && target !== undefined
      ? `agh-archive get ID --from ${target} --to ${this.#options.home.place}`
      : undefined;
  }

  /** Those that were selected and do not lie here: retired already, for example. */
  *missing(): Generator<Action> {
    const { selected = [], home, toolkit } = this.#options;
    for (const id of selected) {
      if (this.#sessions.has(id)) continue;
      const effective = this.#records.get(id)?.effective ?? "unknown";
      const spec = { id, subject: { session_id: id }, expect: {}, reason: "", bytes: 0, loses: null };
      const action = createPlannedAction(home, { ...spec, verb: "retire-session" }, toolkit);
      yield asSkipped(action, `it has no directory here: it is ${effective}`);
    }
  }
}

type Proven = Extract<GateResult, { readonly proof: GateProof }>;

/** So many are named. */
const NAMED = 20;

/** What goes for good with a session that a copy holds. */
function lossOf(paths: readonly string[]): string | null {
  if (paths.length === 0) return null;
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : "";
  return `${paths.slice(0, NAMED).join(", ")}${more}: an agent's own settings, which no copy holds`;
}

const isSpecial = (name: GateName): boolean => name !== "archived";
