// Builds agh.db: workspaces, sessions and what AGH derives from their streams.
import { DatabaseSync } from "node:sqlite";
import { CATALOG_INDEXES, CATALOG_TABLES } from "./catalog-schema.ts";
import type { MadeEvent } from "./event.ts";
import type { Moments } from "./meta.ts";
import { BUDGET, POLICY } from "./meta.ts";
import type { MadeCatalogRows } from "./catalog-rows.ts";
import { prepareRows } from "./catalog-rows.ts";
import { MEMORY_MIGRATIONS, MIGRATIONS } from "./migrations.ts";
import type { Random } from "./random.ts";
import type { SessionPlan, Workspace } from "./sessions.ts";
import type { Instant } from "./time.ts";
import { nineDigits } from "./time.ts";

const SUMMARY_RUNES = 240;

export interface Catalog {
  workspace(workspace: Workspace): void;
  vaultRef(ref: string, kind: string, at: Instant): void;
  session(): MadeSessionRows;
}

/** What the catalog holds about one session. */
export interface MadeSessionRows {
  event(plan: SessionPlan, event: MadeEvent): void;
  /** Writes or rewrites the rows that say how the session stands now. */
  save(plan: SessionPlan, moments: Moments, crashBundle?: string): void;
}

/** A new agh.db, built without a journal and without checking references; `close` ends it. */
export function createCatalog(
  file: string,
  random: Random,
  at: { readonly applied: Instant; readonly kept: Instant },
): Catalog & { close(): void } {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  db.exec(
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536; BEGIN",
  );
  db.exec(CATALOG_TABLES);
  migrate(db, nineDigits(at.applied));
  const close = (): void => {
    db.exec(CATALOG_INDEXES);
    db.exec("COMMIT");
    db.close();
  };
  return { ...catalogOf(db, random, at.kept), close };
}

/** AGH keeps summaries, totals and permissions for seven days: those before `kept` are left out. */
export function catalogOf(db: DatabaseSync, random: Random, kept: Instant): Catalog {
  const rows = prepareRows(db);
  return {
    workspace: (it) => rows.workspace.run(it.id, it.root, it.name, nineDigits(it.created), nineDigits(it.created)),
    vaultRef: (ref, kind, when) => rows.vault.run(ref, kind, secret(random), nineDigits(when), nineDigits(when)),
    session: () => {
      const totals = newTotals();
      return {
        event: (plan, event) => {
          if (event.at.seconds < kept.seconds) return;
          addEvent(rows, random, plan, event);
          count(totals, event);
        },
        save: (plan, moments, crashBundle) => {
          rows.session.run(...sessionRow(plan, moments, crashBundle));
          rows.health.run(...healthRow(plan, moments));
          rows.process.run(...processRow(plan, moments));
          if (totals.turns > 0) rows.tokens.run(...tokensRow(plan, totals));
        },
      };
    },
  };
}

interface Totals {
  input: number;
  output: number;
  total: number;
  cost: number;
  turns: number;
  last: string;
}

function newTotals(): Totals {
  return { input: 0, output: 0, total: 0, cost: 0, turns: 0, last: "" };
}

function migrate(db: DatabaseSync, applied: string): void {
  const global = db.prepare("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)");
  for (const row of MIGRATIONS) global.run(...row, applied);
  const memory = db.prepare("INSERT INTO memory_schema_migrations VALUES (?, ?, ?, ?)");
  for (const row of MEMORY_MIGRATIONS) memory.run(...row, applied);
}

function addEvent(rows: MadeCatalogRows, random: Random, plan: SessionPlan, event: MadeEvent): void {
  const { hook, permission } = event;
  const actor = hook === undefined ? ["", ""] : ["agent_session", plan.id];
  const outcome = event.type === "done" ? "success" : "info";
  const who = [plan.id, plan.workspace.id, event.type, plan.agent] as const;
  const about = [hook?.event ?? "", hook?.name ?? "", ...actor, plan.id, summaryText(event.summary)] as const;
  rows.summary.run(
    `sum-${random.hex(16)}`,
    ...who,
    ...about,
    event.timestamp,
    hook === undefined ? "acpmock" : "",
    outcome,
  );
  if (permission === undefined) return;
  rows.permission.run(
    `perm-${random.hex(16)}`,
    plan.id,
    plan.agent,
    permission.resource,
    permission.decision,
    event.timestamp,
  );
}

function count(totals: Totals, event: MadeEvent): void {
  if (event.type !== "done" || event.usage === undefined) return;
  totals.input += event.usage.input ?? 0;
  totals.output += event.usage.output ?? 0;
  totals.total += event.usage.total ?? 0;
  totals.cost += event.usage.cost;
  totals.turns++;
  totals.last = event.timestamp;
}

function sessionRow(plan: SessionPlan, moments: Moments, crashBundle: string | undefined): (string | number | null)[] {
  const { stop } = plan;
  const active = stop === undefined;
  const created = nineDigits(plan.created);
  const updated = nineDigits(moments.updated);
  const who = [plan.id, plan.name, plan.agent, plan.workspace.id, active ? "active" : "stopped", plan.acp];
  const end = [stop?.reason ?? null, stop?.detail ?? null];
  const liveness = [active ? plan.pid : 0, active ? created : null, nineDigits(moments.lastUpdate)];
  const sandbox = [plan.sandbox, active ? "prepared" : "stopped", active ? created : updated];
  const failure = [stop?.failure?.kind ?? null, stop?.failure?.summary ?? "", crashBundle ?? ""];
  const spawn = [plan.id, JSON.stringify(BUDGET), JSON.stringify(POLICY)];
  return [...who, ...end, ...liveness, ...sandbox, created, updated, ...failure, ...spawn];
}

function healthRow(plan: SessionPlan, moments: Moments): (string | number | null)[] {
  const [last, updated] = [nineDigits(moments.lastUpdate), nineDigits(moments.updated)];
  const active = plan.stop === undefined;
  const state = active ? ["idle", "healthy", 1, 1, null] : ["stopped", "dead", 0, 0, "session_health_dead"];
  return [plan.id, plan.workspace.id, plan.agent, ...state, last, updated, updated];
}

function processRow(plan: SessionPlan, moments: Moments): (string | number | null)[] {
  const [created, updated] = [nineDigits(plan.created), nineDigits(moments.updated)];
  const started = nineDigits({ seconds: plan.created.seconds, nanos: 0 });
  const state =
    plan.stop === undefined ? ["running", created, created, null] : ["completed", created, updated, updated];
  const args = JSON.stringify([plan.agent]);
  return [
    `proc_${plan.serial}${plan.serial}`,
    plan.acp,
    plan.pid,
    plan.pid,
    args,
    plan.workspace.root,
    started,
    ...state,
  ];
}

function tokensRow(plan: SessionPlan, totals: Totals): (string | number | null)[] {
  const { input, output, total, cost, turns, last } = totals;
  return [`tok-${plan.serial}`, plan.id, plan.agent, input, output, total, cost, turns, last];
}

/** AGH trims, and cuts at 240 runes as 237 and "...". */
function summaryText(escaped: string): string {
  const text = (JSON.parse(`"${escaped}"`) as string).trim();
  const runes = [...text];
  return runes.length <= SUMMARY_RUNES ? text : `${runes.slice(0, SUMMARY_RUNES - 3).join("")}...`;
}

function secret(random: Random): string {
  return `aes-gcm:${Buffer.from(random.hex(96), "hex").toString("base64")}`;
}
