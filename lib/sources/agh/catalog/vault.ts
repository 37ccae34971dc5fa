// The vault's metadata. No statement here names the column that holds a secret, but to ask whether it is empty.
import type { DatabaseSync } from "node:sqlite";
import type { VaultRefRecord } from "../../../records/runtime-kinds.ts";

export type VaultFields = Omit<VaultRefRecord, "kind" | "runtime" | "home" | "key_present">;

const SQL = `SELECT ref, kind, encrypted_value <> '' AS present, created_at, updated_at FROM vault_secrets ORDER BY ref`;

export function readVaultRefs(catalog: DatabaseSync): VaultFields[] {
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
