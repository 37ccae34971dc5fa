// Which sessions go, and where to: a policy over all of a home, floors and gates held, one action for each.
import type { Scratch } from "../files/scratch.ts";
import type { OpenPlace } from "../places/source-of.ts";
import { SessionHome } from "../places/session-home.ts";
import { retire, type Retirable, type Retirement, type Verdict } from "../policy/retirement.ts";
import type { Deps } from "../records/deps.ts";
import { nearest } from "../policy/nearest.ts";
import { EXIT, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { SessionRecord } from "../records/things.ts";
import { resolveIds } from "../sources/selection.ts";
import type { Home } from "../sources/source.ts";
import { agentNames } from "../sources/agh/agent-names.ts";
import { workspaceIds } from "../sources/agh/workspace-ids.ts";
import { actionOf, skipped, type Ending, type Planning } from "./actions.ts";
import { atHand, noTrashFor, type AtHand } from "./at-hand.ts";
import { Gates, isKeptElsewhere, type GateName, type Proof } from "./gates.ts";
import { timesOf } from "./retire-judge.ts";
import { policyFor, type Asked } from "./retire-policy.ts";

export interface Retiring extends Asked {
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
  options: Retiring,
  scratch: Scratch,
  deps: Deps,
): Planning {
  const policy = await policyFor(home.root, options);
  const from = await SessionHome.open(home, deps);
  const sessions: SessionRecord[] = [];
  for await (const session of source.sessions(home, { lastEvents: true }, deps)) sessions.push(session);
  const meant =
    options.selected &&
    resolveIds(
      [...options.selected],
      sessions.map(({ id }) => id),
      deps.log,
    );
  const judging = await Judging.over(sessions, { home, from, scratch, options }, deps);
  const retirement = await retire(judging.retirables(meant), policy, deps.now());
  for (const verdict of retirement.verdicts) {
    const action = judging.actionFor(verdict, meant !== undefined);
    if (action) yield action;
  }
  for (const id of meant ?? []) if (!judging.has(id)) yield judging.absent(id);
  return ending(retirement, judging.undo());
}

function ending({ verdicts, excess, total }: Retirement, undo: string | undefined): Ending {
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
  readonly options: Retiring;
}

/** What is kept in mind of every session; the rest is looked at again when it is needed. */
interface Weighed {
  readonly session: SessionRecord;
  readonly bytes: number;
  readonly kept: string | undefined;
}

/** All sessions of the home that have a directory, and what stands against each. */
class Judging {
  #parts: Parts;
  #deps: Deps;
  #sessions = new Map<string, Weighed>();
  #records: ReadonlyMap<string, SessionRecord>;
  #keptWorkspaces: ReadonlySet<string>;
  #gates = new Map<string, Gates>();
  #proofs = new Map<string, Proof>();

  private constructor(records: readonly SessionRecord[], parts: Parts, kept: ReadonlySet<string>, deps: Deps) {
    this.#parts = parts;
    this.#deps = deps;
    this.#keptWorkspaces = kept;
    this.#records = new Map(records.map((record) => [record.id, record]));
    for (const session of records) {
      const hand = session.has.dir ? atHand(parts.from, session) : undefined;
      if (hand) this.#sessions.set(session.id, { session, bytes: hand.bytes, kept: this.#kept(hand) });
    }
  }

  static async over(records: readonly SessionRecord[], parts: Parts, deps: Deps): Promise<Judging> {
    const { keepAgents, keepWorkspaces } = parts.options;
    const kept =
      keepWorkspaces.length > 0 ? await workspaceIds(keepWorkspaces, parts.home.root, deps) : new Set<string>();
    assertKnown("agent", keepAgents, [...records.map(({ agent_name }) => agent_name), ...agentNames(parts.home.root)]);
    for (const word of keepWorkspaces) {
      const ids = await workspaceIds([word], parts.home.root, deps);
      if (ids.size === 1)
        assertKnown(
          "workspace",
          [word],
          records.map(({ workspace_id }) => workspace_id),
        );
    }
    return new Judging(records, parts, kept, deps);
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  retirables(meant: ReadonlySet<string> | undefined): Retirable[] {
    return [...this.#sessions.values()].map(({ session, bytes, kept }) => ({
      id: session.id,
      bytes,
      ...timesOf(session),
      meant: meant?.has(session.id) ?? true,
      kept,
      held: () => this.#held(session),
    }));
  }

  #kept({ session, strange }: AtHand): string | undefined {
    const { keepAgents } = this.#parts.options;
    const { agent_name: agent, workspace_id: workspace } = session;
    if (agent !== null && keepAgents.includes(agent)) return `sessions of ${agent} are kept`;
    if (workspace !== null && this.#keptWorkspaces.has(workspace)) return `sessions of ${workspace} are kept`;
    const [odd] = strange;
    if (odd) return `${odd.path} in it is not what a session has: ${odd.reason}`;
    return this.#parts.from.reasonAgainst(session);
  }

  async #held(session: SessionRecord): Promise<string | undefined> {
    const { options, from } = this.#parts;
    this.#deps.signal.throwIfAborted();
    const hand = atHand(from, session);
    if (!hand) return "it has gone while it was looked at";
    const gates = this.#gatesFor(hand.id);
    const answer = await gates.look(options.require, hand);
    if ("refused" in answer) return answer.refused;
    const { proof } = isKeptElsewhere(answer.proof) ? answer : await this.#archivedToo(hand, answer.proof);
    this.#proofs.set(hand.id, proof);
    return isKeptElsewhere(proof) ? undefined : noTrashFor(hand);
  }

  /** What is archived need not go through the trash, whatever was asked for. */
  async #archivedToo(hand: AtHand, proof: Proof): Promise<{ readonly proof: Proof }> {
    const archived = await this.#gatesFor(hand.id).look(["archived"], hand);
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
    const hand = atHand(this.#parts.from, this.#sessions.get(id)!.session);
    if (!hand) return undefined;
    return fate === "goes" ? this.#action(hand, reason) : skipped(this.#action(hand, ""), reason);
  }

  #action(hand: AtHand, reason: string): Action {
    const { id, session, dir, ledgerDir, bytes, fingerprint } = hand;
    const proof = this.#proofs.get(id);
    const isGone = proof !== undefined && isKeptElsewhere(proof);
    const { require, toolkit } = this.#parts.options;
    return actionOf(
      this.#parts.home,
      {
        id,
        verb: "retire-session",
        subject: {
          session_id: id,
          path: dir,
          ledger: ledgerDir,
          ...(proof && { to: isGone ? "nowhere" : "trash" }),
          size: bytes,
          require,
          ...proof,
        },
        expect: { fingerprint, state: session.state, last_event_at: session.last_event_at ?? null },
        reason,
        bytes: isGone ? bytes : 0,
        loses: isGone || !proof ? null : "nothing until the trash is emptied",
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
  absent(id: string): Action {
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
    return skipped(
      actionOf(home, { ...removing, reason: "" }, options.toolkit),
      `it has no directory here: it is ${effective}`,
    );
  }
}

/** A floor that is misspelt would hold nothing. */
function assertKnown(what: "agent" | "workspace", words: readonly string[], known: readonly (string | null)[]): void {
  const names = new Set(known.filter((name) => name !== null));
  const unknown = words.find((word) => !names.has(word));
  if (unknown === undefined) return;
  const close = nearest(unknown, names);
  throw usageError(
    `--keep-${what} ${unknown}: there is no such ${what} here`,
    close ? `did you mean ${close}?` : undefined,
  );
}
