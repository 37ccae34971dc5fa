// Retires sessions that are rows of agsh's database: the same policy, and what is not archived goes to the trash.
import type { OpenPlace } from "../places/source-of.ts";
import { retire, type Retirable, type Retirement, type Verdict } from "../policy/retirement.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { SessionRecord } from "../records/things.ts";
import { readDatabase } from "../sources/agsh/databases.ts";
import { sessionWeights, type SessionWeight } from "../sources/agsh/remove-sessions.ts";
import { resolveIds } from "../sources/selection.ts";
import type { Home } from "../sources/source.ts";
import { actionOf, skipped, type Ending, type Planning } from "./actions.ts";
import type { Answer, GateName, Proof } from "./gates.ts";
import { timesOf } from "./retire-judge.ts";
import { archived } from "./row-archived.ts";
import { policyFor, type Asked } from "./retire-policy.ts";

export interface RetiringRows extends Asked {
  /** What was asked for; [] asks for nothing, so that all goes to the trash. */
  readonly require: readonly GateName[];
  readonly keepAgents: readonly string[];
  readonly keepWorkspaces: readonly string[];
  readonly archive: string | undefined;
  readonly archives: ReadonlyMap<string, string>;
  readonly toolkit: string;
}

export async function* planRowRetirement({ home, source }: OpenPlace, options: RetiringRows, deps: Deps): Planning {
  assertKnown(home, options);
  const policy = await policyFor(home.root, options);
  const sessions = new Map<string, SessionRecord>();
  for await (const session of source.sessions(home, { lastEvents: true }, deps)) sessions.set(session.id, session);
  const weights = new Map(readDatabase(home.root, deps, sessionWeights).map((weight) => [weight.id, weight]));
  const meant = options.selected && resolveIds([...options.selected], sessions.keys(), deps.log);
  const archival = await source.archival!();
  const proofs = new Map<string, Proof>();
  const answerFor = (id: string): Promise<Answer> => {
    const archive = options.archives.get(id) ?? options.archive;
    if (archive !== undefined) return archived(id, { home, archival, archive }, deps);
    const none = { refused: "nothing says where it is archived: --archive TARGET" };
    return Promise.resolve(options.require.length === 0 ? { proof: {} } : none);
  };
  const held = async (id: string): Promise<string | undefined> => {
    const answer = await answerFor(id);
    if ("proof" in answer) proofs.set(id, answer.proof);
    return "refused" in answer ? answer.refused : undefined;
  };
  const retirables = [...sessions.values()].map((session): Retirable => ({
    id: session.id,
    bytes: weights.get(session.id)?.bytes ?? 0,
    ...timesOf(session),
    // Without any message it is as old as its last change.
    ...(session.has.events ? {} : { last: session.updated_at }),
    meant: meant?.has(session.id) ?? true,
    kept: archival.reasonAgainst(session),
    held: () => held(session.id),
  }));
  const retirement = await retire(retirables, policy, deps.now());
  for (const verdict of retirement.verdicts) {
    const weight = weights.get(verdict.id);
    if (weight === undefined || (verdict.fate === "kept" && !meant)) continue;
    yield actionFor(home, verdict, weight, { proof: proofs.get(verdict.id), toolkit: options.toolkit });
  }
  return ending(retirement);
}

function assertKnown({ place }: Home, { keepAgents, keepWorkspaces, require }: RetiringRows): void {
  if (keepAgents.length + keepWorkspaces.length > 0) {
    throw usageError(
      `agsh knows no agents and no workspaces: --keep-agent and --keep-workspace keep nothing of ${place}`,
    );
  }
  const other = require.find((gate) => gate !== "archived");
  if (other === undefined) return;
  throw refusal(
    "E_CANNOT",
    `--require ${other} cannot be answered for sessions of agsh`,
    "--require archived --archive T",
  );
}

interface Planned {
  readonly proof: Proof | undefined;
  readonly toolkit: string;
}

function actionFor(
  home: Home,
  { id, fate, reason }: Verdict,
  weight: SessionWeight,
  { proof, toolkit }: Planned,
): Action {
  const isGone = proof?.archive !== undefined;
  const action = actionOf(
    home,
    {
      id,
      verb: "remove-session",
      subject: { session_id: id, rows: weight.rows, to: isGone ? "nowhere" : "trash", ...proof },
      expect: { fingerprint: weight.fingerprint },
      reason: fate === "goes" ? reason : "",
      bytes: weight.bytes,
      loses: isGone ? null : "nothing until the trash is emptied",
    },
    toolkit,
  );
  return fate === "goes" ? action : skipped(action, reason);
}

function ending({ verdicts, excess, total }: Retirement): Ending {
  const isUnmet = excess.bytes > 0 || excess.sessions > 0;
  return {
    ...(isUnmet && { exit: EXIT.found }),
    facts: {
      total_bytes: total.bytes,
      total_sessions: total.sessions,
      kept: verdicts.filter(({ fate }) => fate === "kept").length,
      ...(isUnmet && { excess_bytes: excess.bytes, excess_sessions: excess.sessions }),
    },
  };
}
