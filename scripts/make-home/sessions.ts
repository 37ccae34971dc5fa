// Plans the sessions of a home: who they are, when they ran, how they ended.
import path from "node:path";
import type { Random } from "./random.ts";
import { randomOf, ulid } from "./random.ts";
import type { Instant } from "./time.ts";
import { instantOf } from "./time.ts";

/** No made home knows of anything after this moment. */
export const NOW_MS = Date.UTC(2026, 10, 21);
const DAY_MS = 86_400_000;
const AGENTS = ["coder", "coder", "coder", "reviewer", "planner"];
const NAMES = ["fix-checkout", "review pr", "docs pass", "bump deps", "flaky test", "release notes"];

export interface Workspace {
  readonly id: string;
  readonly ulid: string;
  readonly name: string;
  readonly root: string;
  readonly created: Instant;
}

export interface Stop {
  readonly reason: string;
  readonly detail?: string;
  readonly failure?: { readonly kind: string; readonly summary: string };
}

export interface SessionPlan {
  readonly id: string;
  readonly name: string;
  readonly agent: string;
  readonly acp: string;
  readonly pid: number;
  readonly sandbox: string;
  /** 16 hexadecimal digits that the ids of its rows are made of. */
  readonly serial: string;
  readonly workspace: Workspace;
  readonly events: number;
  readonly created: Instant;
  /** Mean distance of two events. */
  readonly gapNanos: number;
  /** Where events happen now; else their instants are drawn. */
  readonly clock?: () => Instant;
  /** Absent while the session is active. */
  readonly stop?: Stop;
}

export interface PlanOptions {
  readonly sessions: number;
  readonly events: number;
  readonly seed: number;
  readonly days: number;
  readonly live: number;
}

const STOPS: readonly Stop[] = [
  { reason: "user_canceled", failure: { kind: "cancellation", summary: "session canceled by user" } },
  { reason: "shutdown", detail: "daemon shutdown" },
  { reason: "completed" },
  {
    reason: "agent_crashed",
    detail: "acp: subprocess exited: subprocess: process exited: exit status 9",
    failure: {
      kind: "process_exit",
      summary: "ACP subprocess exited unexpectedly: acp: subprocess exited: subprocess: process exited: exit status 9",
    },
  },
];

interface WorkspaceOptions {
  readonly workspaces: number;
  readonly seed: number;
  readonly days: number;
  /** The directory that they lie in. */
  readonly projects: string;
}

export function planWorkspaces({ workspaces: count, seed, days, projects }: WorkspaceOptions): Workspace[] {
  const random = randomOf(seed, "workspaces");
  const created = NOW_MS - (days + 1) * DAY_MS;
  return Array.from({ length: count }, (_, i) => {
    const name = `project-${i + 1}`;
    const at = instantOf(created + i * 1000);
    return {
      id: `ws_${random.hex(16)}`,
      ulid: ulid(random, created),
      name,
      root: path.join(projects, name),
      created: at,
    };
  });
}

/** One plan after another, oldest first; the last `live` of them are still active. */
export function* planSessions(workspaces: readonly Workspace[], options: PlanOptions): Generator<SessionPlan> {
  const { sessions, events, seed, days, live } = options;
  const random = randomOf(seed, "sessions");
  // Every session ends before NOW: its mean gap leaves room for twice the mean, which the stream draws at most.
  const share = (days * DAY_MS) / Math.max(1, sessions);
  for (let i = 0; i < sessions; i++) {
    const start = NOW_MS - days * DAY_MS + Math.floor(i * share) + random.below(Math.max(1, Math.floor(share / 4)));
    const gapNanos = Math.max(2, Math.floor(Math.min(2e9, ((NOW_MS - start - 1) / Math.max(1, events)) * 5e5)));
    yield planOne(random, i, { start, gapNanos, events, workspaces, active: i >= sessions - live });
  }
}

export interface SessionFrame {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly gapNanos: number;
  readonly events: number;
  readonly workspaces: readonly Workspace[];
  readonly active: boolean;
}

/** `index` numbers the sessions of a home. */
export function planOne(random: Random, index: number, frame: SessionFrame): SessionPlan {
  const agent = random.pick(AGENTS);
  const pid = 5_000_000 + ((index * 37) % 900_000); // beyond the greatest that Linux gives: nobody has it
  const dice = random.below(100);
  const stop = STOPS[dice < 70 ? 0 : dice < 82 ? 1 : dice < 95 ? 2 : 3]!;
  return {
    id: `sess-${random.hex(16)}`,
    name: `${random.pick(NAMES)} ${index + 1}`,
    agent,
    acp: `${agent}-${pid}-1`,
    pid,
    sandbox: `env-${random.hex(16)}`,
    serial: random.hex(16),
    workspace: random.pick(frame.workspaces),
    events: frame.events,
    created: { seconds: Math.floor(frame.start / 1000), nanos: (frame.start % 1000) * 1e6 + random.below(1e6) },
    gapNanos: frame.gapNanos,
    ...(frame.active ? {} : { stop }),
  };
}
