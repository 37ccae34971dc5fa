// What the tests of later parts share: a session of any runtime in its home, a target, and what may happen to both.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import type { TestContext } from "node:test";
import { tool as archiveTool } from "../../bin/agh-archive.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { removeSessions } from "./bench.ts";
import { placeOf, remove, sql } from "./row-place.ts";

export const ENV = { HOME: "/nowhere" };

export interface LaterWorld {
  readonly home: string;
  readonly id: string;
  /** For a key. */
  readonly keys: string;
  /** As `--to` takes it, and where its files lie. */
  readonly target: string;
  readonly files: string;
  readonly ledger: string;
  /** Takes the session out of its home, as somebody with rm and sqlite3 would. */
  readonly takeOut: () => void;
  /** What the runtime would write when the session goes on. */
  readonly goOn: () => void;
  readonly archive: (...argv: string[]) => Promise<RanAnywhere>;
}

/** In this process or another. */
export interface RanAnywhere extends Pick<Ran, "stdout" | "stderr"> {
  readonly code: number | null;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

export type TestedRuntime = "agh" | "agsh" | "agdd";
export type LaterPlace = Pick<LaterWorld, "target" | "files" | "archive" | "keys">;

export const directory = (t: TestContext): LaterPlace => {
  const target = path.join(tempDir(t), "archives");
  return { target, files: target, keys: tempDir(t), archive: (...argv) => runHere(archiveTool, argv, { env: ENV }) };
};

export async function worldOf(
  t: TestContext,
  runtime: TestedRuntime,
  place: LaterPlace,
): Promise<LaterWorld | undefined> {
  if (runtime === "agh") {
    const { home, ids } = madeHome(t, { sessions: 1, events: 12 });
    const id = ids[0]!;
    const [ledger] = fs.globSync(`sessions/*/${id}/ledger.jsonl`, { cwd: home });
    return {
      ...place,
      home,
      id,
      ledger: path.join(home, ledger!),
      takeOut: () => removeSessions(home, [id]),
      goOn: () => fs.appendFileSync(path.join(home, "sessions", id, "meta.json"), "\n"),
    };
  }
  const rows = placeOf(t, runtime);
  if (!rows) return undefined;
  const { home, file } = rows;
  const sessions = await runHere(inspect, ["sessions", "--json", "--home", home], { env: ENV });
  const { id } = sessions.records.find(
    ({ has, effective }) => (has as { events: boolean }).events && !["running", "unknown"].includes(String(effective)),
  ) as unknown as { id: string };
  const ledger = path.join(home, ".agh-ledgers", id, "ledger.jsonl");
  const other =
    runtime === "agsh"
      ? "UPDATE messages SET content = '\"other\"' WHERE session_id = ?"
      : "UPDATE runs SET tags = '[1]' WHERE run_id = ?";
  const goOn = (): void => sql(file, (db) => void db.prepare(other).run(id));
  const takeOut = (): void => {
    remove(rows, [id]);
    fs.rmSync(path.dirname(ledger), { recursive: true, force: true });
  };
  return { ...place, home, id, ledger, takeOut, goOn };
}

export const onLedger = async ({ home }: Pick<LaterWorld, "home">, ...argv: string[]): Promise<Ran> => {
  const ran = await runHere(ledgerTool, [...argv, "--home", home], { env: ENV });
  assert.equal(ran.code, 0, ran.stderr);
  return ran;
};

export const put = ({ home, id, target, archive }: LaterWorld) =>
  archive("put", id, "--home", home, "--to", target, "--json");
export const fileIn = ({ files, id }: LaterWorld, suffix: string): string => path.join(files, `${id}.${suffix}`);
export const sealOf = ({ ledger }: LaterWorld): string => path.join(path.dirname(ledger), "ledger.seal");

export const seal = (w: LaterWorld) => onLedger(w, "seal", w.id);
export const write = (w: LaterWorld) => onLedger(w, "write", w.id);
export const dropLedger = (w: LaterWorld): void => fs.rmSync(path.dirname(w.ledger), { recursive: true, force: true });
export const dropSeal = (w: LaterWorld): void => fs.rmSync(sealOf(w), { force: true });

export async function sign(w: LaterWorld): Promise<void> {
  const key = path.join(w.keys, "ledger.key");
  assert.equal((await runHere(ledgerTool, ["keygen", key, "--name", "test.example/k"], { env: ENV })).code, 0);
  await onLedger(w, "seal", w.id, "--key", key);
}

export const flip = (file: string): void => {
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(file, bytes);
};
export const cut = (file: string): void => fs.truncateSync(file, fs.statSync(file).size - 1);

/** A receipt with another content, as whoever may write to the target could make it. */
export function editReceipt(w: LaterWorld, edit: (receipt: Record<string, unknown>) => void): void {
  const file = fileIn(w, "receipt.json");
  const { digest: _, ...receipt } = JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>;
  edit(receipt);
  fs.writeFileSync(file, encodeSealed(receipt).bytes);
}

export type LaterDeed = (w: LaterWorld) => unknown;
