// Holds a planned retirement against the home again, while nobody else changes it: drift, life, clocks, and every gate.
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { collector } from "../files/collect.ts";
import { osPath } from "../files/os-path.ts";
import type { SessionHome } from "../places/session-home.ts";
import { doubtAbout } from "../policy/retirement.ts";
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { SessionRecord } from "../records/things.ts";
import { archiveDir } from "../sources/agh/layout.ts";
import { textIn, type Within } from "./actions.ts";
import { atHand, noTrashFor, type AtHand } from "./at-hand.ts";
import { gateName, Gates, isKeptElsewhere, type GateName, type Proof } from "./gates.ts";

/** A session that goes, with what proved that it may. */
export interface Going extends AtHand {
  readonly action: Action;
  readonly proof: Proof;
  /** At once; else to the trash. */
  readonly isGone: boolean;
}

export type Judge = (action: Action) => Promise<Going | { readonly refused: string }>;

interface Known {
  readonly from: SessionHome;
  readonly records: ReadonlyMap<string, SessionRecord>;
}

/** Gates read every byte of a session and of what proves that it is kept. */
export function judgeFor({ from, records }: Known, { home, scratch, deps }: Within): Judge {
  const made = new Map<string, Gates>();
  const collect = collector(8 << 20);
  const gatesFor = ({ archive, snapshot }: Proof): Gates => {
    const world = { home, scratch, deps, archive: archive?.target ?? archiveDir(home.root), repo: snapshot?.repo };
    const key = `${world.archive}\0${world.repo}`;
    const gates = made.get(key) ?? new Gates(world);
    made.set(key, gates);
    return gates;
  };
  return async (action) => {
    const asked = askedIn(action);
    const record = records.get(textIn(action, "subject", "session_id"));
    const hand = record?.has.dir ? atHand(from, record) : undefined;
    if (!hand) return { refused: "it has no directory here any more" };
    const against =
      driftOf(action, hand) ??
      from.reasonAgainst(hand.session) ??
      doubtAbout(timesOf(hand.session), deps.now()) ??
      immovable(hand) ??
      (asked.isGone ? undefined : noTrashFor(hand));
    if (against !== undefined) return { refused: against };
    const answer = await gatesFor(asked.proof).verify(asked.gates, hand, asked.proof);
    collect(2 * hand.bytes);
    return "refused" in answer ? answer : { ...hand, action, ...asked };
  };
}

/** What could not be taken out would leave the run unfinished, and every later one with it. */
function immovable({ dir, ledgerDir }: AtHand): string | undefined {
  const paths = [dir, dirname(dir), ...(ledgerDir === undefined ? [] : [ledgerDir, dirname(ledgerDir)])];
  const fixed = paths.find((path) => !mayWrite(path));
  return fixed === undefined ? undefined : `${fixed} cannot be written to: look at its owner and mode`;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(osPath(path), constants.W_OK);
    return true;
  } catch {
    return false; // whatever the reason, it is no place to take something away from
  }
}

export const timesOf = ({ last_event_at, created_at, updated_at }: SessionRecord) => ({
  last: last_event_at ?? null,
  created: created_at ?? null,
  updated: updated_at ?? null,
});

function driftOf(action: Action, { dir, ledgerDir, fingerprint, strange }: AtHand): string | undefined {
  const { path, ledger } = action.subject as { readonly path?: unknown; readonly ledger?: unknown };
  const isSame = textIn(action, "expect", "fingerprint") === fingerprint && path === dir && ledger === ledgerDir;
  if (!isSame) return "it has changed since the plan";
  return strange[0] && `${strange[0].path} in it is not what a session has: ${strange[0].reason}`;
}

interface AskedOf {
  readonly gates: readonly GateName[];
  readonly proof: Proof;
  readonly isGone: boolean;
}

/** A plan may have been edited: nothing goes at once but what is kept elsewhere, and that is asked again. */
function askedIn(action: Action): AskedOf {
  const { require, to, archive, snapshot, seal } = action.subject as { readonly [name: string]: unknown };
  const proof = {
    ...(archive !== undefined && { archive }),
    ...(snapshot !== undefined && { snapshot }),
    ...(seal !== undefined && { seal }),
  } as Proof;
  const isGone = to === "nowhere";
  const isPlan = Array.isArray(require) && require.length > 0 && (isGone ? isKeptElsewhere(proof) : to === "trash");
  const isProof = isPlace(archive, "target", "sha256") && isPlace(snapshot, "repo", "id") && isPlace(seal, "root");
  if (!isPlan || !isProof)
    throw usageError(
      `the action ${action.verb} ${String(action.id)} of the plan does not say what proves that it may go`,
      "agh-vacuum sessions --json > PLAN",
    );
  const gates = new Set((require as unknown[]).map((name) => gateName(String(name))));
  if (isGone) gates.add(proof.archive ? "archived" : "backed-up");
  return { gates: [...gates], proof, isGone };
}

const isPlace = (value: unknown, ...names: readonly string[]): boolean =>
  value === undefined ||
  (typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as { [name: string]: unknown })[name] === "string"));
