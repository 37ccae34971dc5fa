// Whether a database has AGH's tables, and whether its events follow one another up to the last.
import { hasTables } from "../../../sqlite/schema.ts";
import { databaseFault, type DatabaseCheck, type DatabaseFault, type SoundDatabase } from "../../database-check.ts";
import { readSequence } from "../events/event-sequence.ts";

const SHAPES = {
  catalog: { sessions: ["id", "state"], workspaces: ["id", "root_dir"] },
  session: { events: ["id", "sequence", "type", "content", "timestamp"] },
} as const;

export const checkDatabase: DatabaseCheck = (database) => {
  const { db, name, of } = database;
  if (hasTables(db, SHAPES[of])) return of === "session" ? checkSequence(database) : [];
  const tables = Object.keys(SHAPES[of]);
  return [databaseFault("SHAPE", `${name} lacks tables of AGH: ${tables.join(", ")}`, { tables })];
};

function checkSequence({ db, name, lastSequence }: SoundDatabase): DatabaseFault[] {
  const { missing, surplus, ...found } = readSequence(db);
  const faults: DatabaseFault[] = [];
  if (missing > 0 || surplus > 0) {
    const message = `${name}: of ${found.count} events ${missing} sequence numbers are missing, and ${surplus} are duplicate or invalid`;
    faults.push(databaseFault("SEQUENCE_GAP", message, { ...found, missing, surplus }));
  }
  if (typeof lastSequence === "number" && (found.last ?? 0) !== lastSequence) {
    const message = `${name}: its last event is ${found.last ?? "none"}; it was ${lastSequence} when it was backed up`;
    faults.push(databaseFault("SEQUENCE_DIFFERS", message, { expected: lastSequence, found: found.last }));
  }
  return faults;
}
