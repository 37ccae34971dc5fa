// Whether a database is sound, in SQLite's own words.
import type { DatabaseSync } from "node:sqlite";
import { isDamage } from "../errors.ts";

/** What `quick_check` or `integrity_check` says: [] when it is ok. Damage too deep to check is a message as well; what else fails is thrown. */
export function checkIntegrity(db: DatabaseSync, level: "quick" | "full"): string[] {
  try {
    const rows = db.prepare(level === "full" ? "PRAGMA integrity_check" : "PRAGMA quick_check").all();
    const lines = rows.flatMap((row) => String(Object.values(row)[0]).split("\n"));
    return lines.filter((line) => line !== "ok" && line !== "");
  } catch (error) {
    if (!isDamage(error)) throw error;
    return [(error as Error).message];
  }
}

export interface DanglingReference {
  readonly table: string;
  /** Null in a table WITHOUT ROWID. */
  readonly rowid: number | bigint | null;
  /** The table that lacks the row. */
  readonly parent: string;
}

/** Rows whose foreign key points to nothing. */
export function listDanglingReferences(db: DatabaseSync): DanglingReference[] {
  return db.prepare("PRAGMA foreign_key_check").all() as unknown as DanglingReference[];
}
