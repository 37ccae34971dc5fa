// Which sessions go, and where to: a policy over all of a home, floors and gates held, one action for each.
import type { Scratch } from "../../files/scratch.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { SessionHome } from "../../places/session-home.ts";
import { decideRetirement, type Retirable, type Retirement, type Verdict } from "../../policy/retirement.ts";
import type { Deps } from "../../records/deps.ts";
import { nearestWord } from "../../policy/nearest-word.ts";
import { EXIT, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import { listAgentNames } from "../../sources/agh/home/agent-names.ts";
import { resolveWorkspaceIds } from "../../sources/agh/catalog/workspace-ids.ts";
import { createPlannedAction, asSkipped, type RemovalPlanSummary, type RemovalPlan } from "../removal-types.ts";
import { inspectLocalSession, trashRefusal, type LocalSession } from "../local-session.ts";
import { Gates, isKeptElsewhere, type GateName, type GateProof } from "../gates/gates.ts";
import { timesOf } from "./recheck.ts";
import { loadPolicy, type RetirementPolicyOptions } from "./load-policy.ts";

export interface RetirementOptions extends RetirementPolicyOptions {
  readonly require: readonly GateName[];
  /** Agents and workspaces (either id, name or path) whose sessions stay. */
  readonly keepAgents: readonly string[];
  readonly keepWorkspaces: readonly string[];
  /** Where archives lie. */
  readonly archive: string;
  /** Session id to where its archive lies, as a selection says. */
  readonly archives: ReadonlyMap<string, string>;
  readonly repo: string | undefined;
  readonly toolkit: string;
}

export async function* planRetirement(
  { home, source }: OpenPlace,
  options: RetirementOptions,
  scratch: Scratch,
  deps: Deps,
): RemovalPlan {
  const policy = await loadPolicy(home.root, options);
  const from = await SessionHome.open(home, deps);
  const sessions: SessionRecord[] = [];
  for await (const session of source.sessions(home, { lastEvents: true }, deps)) sessions.push(session);
  const selected =
    options.selected &&
    resolveIds(
      [...options.selected],
      sessions.map(({ id }) => id),
      deps.log,
    );
  const planner = await RetirementPlanner.create(sessions, { home, from, scratch, options }, deps);
  const retirement = await decideRetirement(planner.retirables(selected), policy, deps.now());
  for (const verdict of retirement.verdicts) {
    const action = planner.actionFor(verdict, selected !== undefined);
    if (action) yield action;
  }
  for (const id of selected ?? []) if (!planner.has(id)) yield planner.actionForMissing(id);
  return summarizePlan(retirement, planner.undo());
}

function summarizePlan({ verdicts, excess, total }: Retirement, undo: string | undefined): RemovalPlanSummary {
  const of = (fate: Verdict["fate"]): number => verdicts.filter((verdict) => verdict.fate === fate).length;
  const isUnmet = excess.bytes > 0 || excess.sessions > 0;
  return {
    ...(isUnmet && { exit: EXIT.found }),
    facts: {
      total_bytes: total.bytes,
      total_sessions: total.sessions,
      kept: of("kept"),
      ...(undo !== undefined && { undo }),
      ...(isUnmet && { excess_bytes: excess.bytes, excess_sessions: excess.sessions }),
    },
  };
}

interface Parts {
  readonly home: Home;
  readonly from: SessionHome;
  readonly scratch: Scratch;
  readonly options: RetirementOptions;
}

/** What is kept in mind of every session; the rest is looked at again when it is needed. */
interface Candidate {
  readonly session: SessionRecord;
  readonly bytes: number;
  readonly kept: string | undefined;
}

/** All sessions of the home that have a directory, and what stands against each. */
class RetirementPlanner {
  #parts: Parts;
  #deps: Deps;
  #sessions = new Map<string, Candidate>();
  #records: ReadonlyMap<string, SessionRecord>;
  #keptWorkspaces: ReadonlySet<string>;
  #gates = new Map<string, Gates>();
  #proofs = new Map<string, GateProof>();

  private constructor(records: readonly SessionRecord[], parts: Parts, kept: ReadonlySet<string>, deps: Deps) {
    this.#parts = parts;
    this.#deps = deps;
    this.#keptWorkspaces = kept;
    this.#records = new Map(records.map((record) => [record.id, record]));
    for (const session of records) {
      const local = session.has.dir ? inspectLocalSession(parts.from, session) : undefined;
      if (local) this.#sessions.set(session.id, { session, bytes: local.bytes, kept: this.#kept(local) });
    }
  }

  static async create(records: readonly SessionRecord[], parts: Parts, deps: Deps): Promise<RetirementPlanner> {
    const { keepAgents, keepWorkspaces } = parts.options;
    const kept =
      keepWorkspaces.length > 0 ? await resolveWorkspaceIds(keepWorkspaces, parts.home.root, deps) : new Set<string>();
    assertKnown("agent", keepAgents, [
      ...records.map(({ agent_name }) => agent_name),
      ...listAgentNames(parts.home.root),
    ]);
    for (const word of keepWorkspaces) {
      const ids = await resolveWorkspaceIds([word], parts.home.root, deps);
      if (ids.size === 1)
        assertKnown(
          "workspace",
          [word],
          records.map(({ workspace_id }) => workspace_id),
        );
    }
    return new RetirementPlanner(records, parts, kept, deps);
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  retirables(selected: ReadonlySet<string> | undefined): Retirable[] {
    return [...this.#sessions.values()].map(({ session, bytes, kept }) => ({
      id: session.id,
      bytes,
      ...timesOf(session),
      isSelected: selected?.has(session.id) ?? true,
      kept,
      blockedBy: () => this.#refusalFor(session),
    }));
  }

  #kept({ session, unexpected: strange }: LocalSession): string | undefined {
    const { keepAgents } = this.#parts.options;
    const { agent_name: agent, workspace_id: workspace } = session;
    if (agent !== null && keepAgents.includes(agent)) return `sessions of ${agent} are kept`;
    if (workspace !== null && this.#keptWorkspaces.has(workspace)) return `sessions of ${workspace} are kept`;
    const [first] = strange;
    if (first) return `${first.path} in it is not part of a session: ${first.reason}`;
    return this.#parts.from.reasonAgainst(session);
  }

  async #refusalFor(session: SessionRecord): Promise<string | undefined> {
    const { options, from } = this.#parts;
    this.#deps.signal.throwIfAborted();
    const local = inspectLocalSession(from, session);
    if (!local) return "it was removed while it was checked";
    const gates = this.#gatesFor(local.id);
    const answer = await gates.check(options.require, local);
    if ("refused" in answer) return answer.refused;
    const { proof } = isKeptElsewhere(answer.proof) ? answer : await this.#addArchiveProof(local, answer.proof);
    this.#proofs.set(local.id, proof);
    return isKeptElsewhere(proof) ? undefined : trashRefusal(local);
  }

  /** What is archived need not go through the trash, whatever was asked for. */
  async #addArchiveProof(local: LocalSession, proof: GateProof): Promise<{ readonly proof: GateProof }> {
    const archived = await this.#gatesFor(local.id).check(["archived"], local);
    return "proof" in archived ? { proof: { ...proof, ...archived.proof } } : { proof };
  }

  /** One for each place where archives lie. */
  #gatesFor(id: string): Gates {
    const { options, home, scratch } = this.#parts;
    const archive = options.archives.get(id) ?? options.archive;
    let gates = this.#gates.get(archive);
    if (!gates)
      this.#gates.set(archive, (gates = new Gates({ home, scratch, deps: this.#deps, archive, repo: options.repo })));
    return gates;
  }

  /** What stays by the policy is no news, unless it was asked for by name. */
  actionFor({ id, fate, reason }: Verdict, isSelected: boolean): Action | undefined {
    if (fate === "kept" && !isSelected) return undefined;
    const local = inspectLocalSession(this.#parts.from, this.#sessions.get(id)!.session);
    if (!local) return undefined;
    return fate === "goes" ? this.#action(local, reason) : asSkipped(this.#action(local, ""), reason);
  }

  #action(local: LocalSession, reason: string): Action {
    const { id, session, dir, ledgerDir, bytes, fingerprint } = local;
    const proof = this.#proofs.get(id);
    const isPermanent = proof !== undefined && isKeptElsewhere(proof);
    const { require, toolkit } = this.#parts.options;
    return createPlannedAction(
      this.#parts.home,
      {
        id,
        verb: "retire-session",
        subject: {
          session_id: id,
          path: dir,
          ledger: ledgerDir,
          ...(proof && { to: isPermanent ? "nowhere" : "trash" }),
          size: bytes,
          require,
          ...proof,
        },
        expect: { fingerprint, state: session.state, last_event_at: session.last_event_at ?? null },
        reason,
        bytes: isPermanent ? bytes : 0,
        loses: isPermanent || !proof ? null : "nothing until the trash is emptied",
      },
      toolkit,
    );
  }

  /** How one that goes at once comes back, where all of them lie in one place. */
  undo(): string | undefined {
    const targets = new Set([...this.#proofs.values()].map(({ archive }) => archive?.target));
    const [target] = targets;
    return targets.size === 1 && target !== undefined
      ? `agh-archive get ID --from ${target} --to ${this.#parts.home.place}`
      : undefined;
  }

  /** One that was selected and has no directory here: retired already, for example. */
  actionForMissing(id: string): Action {
    const { home, options } = this.#parts;
    const effective = this.#records.get(id)?.effective ?? "unknown";
    const removing = {
      id,
      verb: "retire-session" as const,
      subject: { session_id: id },
      expect: {},
      bytes: 0,
      loses: null,
    };
    return asSkipped(
      createPlannedAction(home, { ...removing, reason: "" }, options.toolkit),
      `it has no directory here: it is ${effective}`,
    );
  }
}

/** A floor that is misspelt would hold nothing. */
function assertKnown(what: "agent" | "workspace", words: readonly string[], known: readonly (string | null)[]): void {
  const names = new Set(known.filter((name) => name !== null));
  const unknown = words.find((word) => !names.has(word));
  if (unknown === undefined) return;
  const close = nearestWord(unknown, names);
  throw usageError(
    `--keep-${what} ${unknown}: the home has no such ${what}`,
    close ? `did you mean ${close}?` : undefined,
  );
}
