// Retires sessions that are rows of agsh's database: the same policy, and what is not archived goes to the trash.
import type { OpenPlace } from "../../places/detect-source.ts";
import { decideRetirement, type Retirable, type Retirement, type Verdict } from "../../policy/retirement.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { readDatabase } from "../../sources/agsh/catalog/database.ts";
import { sessionWeights, type SessionWeight } from "../../sources/agsh/custody/remove-sessions.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import { createPlannedAction, asSkipped, type RemovalPlanSummary, type RemovalPlan } from "../removal-types.ts";
import type { GateResult, GateName, GateProof } from "../gates/gates.ts";
import { timesOf } from "./recheck.ts";
import { proveRowsArchived } from "../gates/rows-archived-gate.ts";
import { loadPolicy, type RetirementPolicyOptions } from "./load-policy.ts";

export interface RowRetirementOptions extends RetirementPolicyOptions {
  /** What was asked for; [] asks for nothing, so that all goes to the trash. */
  readonly require: readonly GateName[];
  readonly keepAgents: readonly string[];
  readonly keepWorkspaces: readonly string[];
  readonly archive: string | undefined;
  readonly archives: ReadonlyMap<string, string>;
  readonly toolkit: string;
}

export async function* planRowRetirement(
  { home, source }: OpenPlace,
  options: RowRetirementOptions,
  deps: Deps,
): RemovalPlan {
  assertKnown(home, options);
  const policy = await loadPolicy(home.root, options);
  const sessions = new Map<string, SessionRecord>();
  for await (const session of source.sessions(home, { lastEvents: true }, deps)) sessions.set(session.id, session);
  const weights = new Map(readDatabase(home.root, deps, sessionWeights).map((weight) => [weight.id, weight]));
  const selected = options.selected && resolveIds([...options.selected], sessions.keys(), deps.log);
  const archival = await source.archival!();
  const proofs = new Map<string, GateProof>();
  const answerFor = (id: string): Promise<GateResult> => {
    const archive = options.archives.get(id) ?? options.archive;
    if (archive !== undefined) return proveRowsArchived(id, { home, archival, archive }, deps);
    const none = { refused: "no archive target was given: --archive TARGET" };
    return Promise.resolve(options.require.length === 0 ? { proof: {} } : none);
  };
  const refusalFor = async (id: string): Promise<string | undefined> => {
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
    isSelected: selected?.has(session.id) ?? true,
    kept: archival.reasonAgainst(session),
    blockedBy: () => refusalFor(session.id),
  }));
  const retirement = await decideRetirement(retirables, policy, deps.now());
  for (const verdict of retirement.verdicts) {
    const weight = weights.get(verdict.id);
    if (weight === undefined || (verdict.fate === "kept" && !selected)) continue;
    yield actionFor(home, verdict, weight, { proof: proofs.get(verdict.id), toolkit: options.toolkit });
  }
  return summarizePlan(retirement);
}

function assertKnown({ place }: Home, { keepAgents, keepWorkspaces, require }: RowRetirementOptions): void {
  if (keepAgents.length + keepWorkspaces.length > 0) {
    throw usageError(
      `agsh has no agents and no workspaces: --keep-agent and --keep-workspace keep nothing of ${place}`,
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
  readonly proof: GateProof | undefined;
  readonly toolkit: string;
}

function actionFor(
  home: Home,
  { id, fate, reason }: Verdict,
  weight: SessionWeight,
  { proof, toolkit }: Planned,
): Action {
  const isPermanent = proof?.archive !== undefined;
  const action = createPlannedAction(
    home,
    {
      id,
      verb: "remove-session",
      subject: { session_id: id, rows: weight.rows, to: isPermanent ? "nowhere" : "trash", ...proof },
      expect: { fingerprint: weight.fingerprint },
      reason: fate === "goes" ? reason : "",
      bytes: weight.bytes,
      loses: isPermanent ? null : "nothing until the trash is emptied",
    },
    toolkit,
  );
  return fate === "goes" ? action : asSkipped(action, reason);
}

function summarizePlan({ verdicts, excess, total }: Retirement): RemovalPlanSummary {
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
