// Every runtime's custody against the one suite, over homes that the real runtimes wrote, and made ones.
import type { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { agdd } from "../../lib/sources/agdd/agdd.ts";
import { agh } from "../../lib/sources/agh/agh.ts";
import { OWN_TABLES } from "../../lib/sources/agh/custody/session-tables.ts";
import { agsh } from "../../lib/sources/agsh/agsh.ts";
import type { Source } from "../../lib/sources/source.ts";
import { custodyContract } from "../contract/custody.ts";
import type { CustodyHome } from "../contract/custody-world.ts";
import { madeProject, putRuns } from "../support/agdd.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { madeAgsh, text, user, uuid } from "./agsh/make-databases.ts";

/** What AGH never does: its rows outlast the session. */
function forget(db: DatabaseSync, ids: readonly string[]): void {
  db.exec("PRAGMA foreign_keys=OFF");
  for (const id of ids) {
    const acp = db.prepare("SELECT acp_session_id FROM sessions WHERE id = ?").get(id)?.["acp_session_id"];
    for (const { table, column, acp: isAcp } of OWN_TABLES.toReversed()) {
      const key = isAcp ? acp : id;
      if (key && hasTable(db, table)) db.prepare(`DELETE FROM ${table} WHERE ${column} = ?`).run(key);
    }
  }
}

const hasTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;

const REAL: { readonly [name: string]: Source } = {
  "agh-clean": agh,
  agsh,
  "agsh-v08": agsh,
  agdd,
  "agdd-nofts": agdd,
  "agdd-migrated": agdd,
};

const DATABASE: { readonly [runtime: string]: string } = {
  agh: "agh.db",
  agsh: "sessions.db",
  agdd: ".agdd/storage.db",
};

function inHome(source: Source, root: string, base = root): CustodyHome {
  return { root, base, database: DATABASE[source.runtime]!, ...(source === agh && { forget }) };
}

for (const [name, source] of Object.entries(REAL)) {
  custodyContract(source, name, (t) => {
    const real = realHome(t, name);
    return real && inHome(source, source === agdd ? real.base : real.home, real.base);
  });
}

custodyContract(agh, "made AGH", (t: TestContext) => inHome(agh, madeHome(t, { sessions: 6, events: 30 }).home));

custodyContract(agsh, "made agsh", (t: TestContext) => {
  const bytes = { role: "user", content: new Uint8Array([0, 255, 1]) };
  const sessions = [1, 2, 3].map((n) => ({ id: uuid(n), messages: [user(`ask ${n}`), text("answer"), bytes] }));
  const sql = `INSERT INTO tool_outputs SELECT id, 'out', 'a big integer', 9223372036854775807 FROM sessions;
    UPDATE messages SET content = 1.5 WHERE id = 1; UPDATE sessions SET metadata = 'a' || char(10) || 'b'`;
  return inHome(agsh, madeAgsh(t, { sessions, sql }).home);
});

custodyContract(agdd, "made AGDD", (t: TestContext) => {
  const { root } = madeProject(t, { runs: 20, events: 5 });
  const at = "2026-10-01T00:00:00+00:00";
  putRuns(root, [
    { id: "mag-parent00", started: at, events: [at] },
    { id: "sag-child000", parent: "mag-parent00", started: at, events: [at, at] },
  ]);
  return inHome(agdd, root);
});
