// Makes the files of one session: events.db at rest, or with all its rows in the -wal; meta.json; the ledger.
import { DatabaseSync } from "node:sqlite";
import fs from "node:fs";
import path from "node:path";
import type { MadeEvent } from "./event.ts";
import { sessionEvents } from "./events.ts";
import type { TextFile } from "./ledger.ts";
import { ledgerHead, ledgerLine, textFile } from "./ledger.ts";
import type { Moments } from "./meta.ts";
import { metaText } from "./meta.ts";
import { randomOf } from "./random.ts";
import { sessionRowWriter } from "./session-rows.ts";
import { createSessionSchema, dateSessionSchema, emptySessionDatabase } from "./session-schema.ts";
import type { SessionPlan } from "./sessions.ts";
import type { Instant } from "./time.ts";
import { later, nineDigits } from "./time.ts";
import { reseedWal } from "./wal.ts";

const SHM_BYTES = 32768;

export interface MadeSessionFiles {
  readonly home: string;
  readonly seed: number;
  readonly ledgers: boolean;
  /** Sees every event in order. */
  readonly onEvent: (event: MadeEvent) => void;
}

/** Writes sessions/<id>/ and, for a stopped session, its ledger. */
export function writeSession(plan: SessionPlan, files: MadeSessionFiles): Moments {
  const directory = path.join(files.home, "sessions", plan.id);
  fs.mkdirSync(directory);
  const moments = plan.stop === undefined ? writeActive(plan, files, directory) : writeStopped(plan, files, directory);
  const bundle = plan.stop?.failure?.kind === "process_exit" ? crashBundlePath(plan, moments) : undefined;
  fs.writeFileSync(path.join(directory, "meta.json"), metaText(plan, moments, bundle));
  const rest = moments.updated.seconds;
  for (const name of fs.readdirSync(directory)) settle(path.join(directory, name), rest, 0o644);
  settle(directory, rest, 0o755);
  return moments;
}

/** Absolute, as AGH writes it, below the place where the home claims to have lived. */
export function crashBundlePath(plan: SessionPlan, moments: Moments): string {
  const { seconds, nanos } = moments.updated;
  return `/home/ops/.agh/logs/crash-bundles/${plan.id}-process_exit-${seconds}${String(nanos).padStart(9, "0")}.json`;
}

/** Sets mode and times: a made home looks the same on every day. */
export function settle(file: string, seconds: number, mode: number): void {
  fs.chmodSync(file, mode);
  fs.utimesSync(file, seconds, seconds);
}

function writeStopped(plan: SessionPlan, files: MadeSessionFiles, directory: string): Moments {
  const file = path.join(directory, "events.db");
  fs.writeFileSync(file, emptySessionDatabase());
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536; BEGIN",
  );
  dateSessionSchema(db, nineDigits(plan.created));
  const write = sessionRowWriter(db, plan.agent, randomOf(files.seed, `${plan.id}/hooks`));
  const ledger = files.ledgers ? openLedger(plan, files.home) : undefined;
  let last = plan.created;
  for (const event of sessionEvents(plan, randomOf(files.seed, plan.id))) {
    write(event);
    ledger?.add(ledgerLine(plan, event));
    files.onEvent(event);
    last = event.at;
  }
  db.exec("COMMIT");
  db.close();
  markWal(file);
  const moments = stopMoments(last);
  if (ledger !== undefined) closeLedger(ledger, plan, files.home, moments);
  return moments;
}

/** A live session's file is one page: schema and rows are in the -wal, one transaction an event. */
function writeActive(plan: SessionPlan, files: MadeSessionFiles, directory: string): Moments {
  const scratch = fs.mkdtempSync(path.join(directory, ".making-"));
  const file = path.join(scratch, "events.db");
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0");
  createSessionSchema(db, nineDigits(plan.created));
  const write = sessionRowWriter(db, plan.agent, randomOf(files.seed, `${plan.id}/hooks`));
  let last = plan.created;
  for (const event of sessionEvents(plan, randomOf(files.seed, plan.id))) {
    db.exec("BEGIN");
    write(event);
    db.exec("COMMIT");
    files.onEvent(event);
    last = event.at;
  }
  const wal = fs.readFileSync(`${file}-wal`);
  reseedWal(wal, randomOf(files.seed, `${plan.id}/wal`));
  fs.copyFileSync(file, path.join(directory, "events.db"));
  fs.writeFileSync(path.join(directory, "events.db-wal"), wal);
  fs.writeFileSync(path.join(directory, "events.db-shm"), Buffer.alloc(SHM_BYTES));
  db.close();
  fs.rmSync(scratch, { recursive: true });
  return { lastUpdate: last, updated: last };
}

/** A moment after the last event; its last digit is never 0, so that the ledger's head has one length. */
function stopMoments(last: Instant): Moments {
  const stopped = later(last, 9_000_000);
  return { lastUpdate: last, updated: { seconds: stopped.seconds, nanos: stopped.nanos - (stopped.nanos % 10) + 1 } };
}

function openLedger(plan: SessionPlan, home: string): TextFile {
  const directory = ledgerDirectory(plan, home);
  fs.mkdirSync(directory, { recursive: true });
  const ledger = textFile(path.join(directory, "ledger.jsonl"));
  ledger.add(ledgerHead(plan, stopMoments(plan.created).updated));
  return ledger;
}

/** When the session ended is known last, and stands in the first line. */
function closeLedger(ledger: TextFile, plan: SessionPlan, home: string, moments: Moments): void {
  const directory = ledgerDirectory(plan, home);
  const file = path.join(directory, "ledger.jsonl");
  ledger.close();
  overwrite(file, Buffer.from(ledgerHead(plan, moments.updated)), 0);
  settle(file, moments.updated.seconds, 0o644);
  settle(directory, moments.updated.seconds, 0o755);
}

function ledgerDirectory(plan: SessionPlan, home: string): string {
  return path.join(home, "sessions", plan.workspace.id, plan.id);
}

/** AGH leaves the WAL flag in the header of a file at rest. */
export function markWal(file: string): void {
  overwrite(file, Buffer.from([2, 2]), 18);
}

function overwrite(file: string, bytes: Buffer, at: number): void {
  const fd = fs.openSync(file, "r+");
  fs.writeSync(fd, bytes, 0, bytes.length, at);
  fs.closeSync(fd);
}
