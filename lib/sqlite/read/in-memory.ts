// A database opened from its bytes, without a file.
import { DatabaseSync } from "node:sqlite";
import { toDatabaseError, notADatabase } from "../errors.ts";
import { allowReading } from "./read-only-authorizer.ts";

/** Its header's WAL flag is cleared in `bytes`, since memory has no WAL: only for a database without one. */
export function readInMemory<T>(bytes: Buffer, label: string, read: (db: DatabaseSync) => T): T {
  if (bytes.length < 100) throw notADatabase(label);
  bytes[18] = 1;
  bytes[19] = 1;
  const db = new DatabaseSync(":memory:", { allowExtension: false, defensive: true });
  try {
    db.deserialize(bytes);
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON; PRAGMA schema_version");
    db.setAuthorizer(allowReading);
    const result = read(db);
    db.close();
    return result;
  } catch (error) {
    if (db.isOpen) db.close();
    throw toDatabaseError(label, error);
  }
}
