// What the vault holds, never the secrets themselves: no statement here names the column that has them, but to ask whether it is empty.
import { existsSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { VaultRefRecord } from "../../../records/runtime-kinds.ts";
import { findSelectedIds } from "../../selection.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { readCatalog } from "../home/databases.ts";
import { vaultKeyFile } from "../home/layout.ts";
import { readSessions } from "../sessions/read-sessions.ts";

/** `vault_ref` records, sorted by ref; those of the selected sessions when any selector is given. */
export async function* vaultRefs(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<VaultRefRecord> {
  const { namespaces = [], sessions = {} } = query;
  const refs = readCatalog(home.root, deps, readVaultRefs);
  const key_present = existsSync(osPath(vaultKeyFile(home.root)));
  const selected = await findSelectedIds(sessions, (filter) => readSessions(home, filter, deps));
  for (const ref of refs) {
    if (namespaces.length > 0 && !namespaces.includes(ref.namespace)) continue;
    if (selected && !selected.has(ref.session_id ?? "")) continue;
    yield { kind: "vault_ref", runtime: home.runtime, home: home.place, ...ref, key_present };
  }
}

type VaultFields = Omit<VaultRefRecord, "kind" | "runtime" | "home" | "key_present">;

const SQL = `SELECT ref, kind, encrypted_value <> '' AS present, created_at, updated_at FROM vault_secrets ORDER BY ref`;

function readVaultRefs(catalog: DatabaseSync): VaultFields[] {
  return catalog
    .prepare(SQL)
    .all()
    .map((row) => {
      const ref = String(row["ref"]);
      // vault:<namespace>/<owner>/<name>
      const [namespace = "", owner] = ref.replace(/^vault:/, "").split("/");
      return {
        id: ref,
        namespace,
        ...(namespace === "sessions" && { session_id: owner ?? null }),
        vault_ref_kind: String(row["kind"]),
        present: row["present"] === 1,
        created_at: String(row["created_at"]),
        updated_at: String(row["updated_at"]),
      };
    });
}
