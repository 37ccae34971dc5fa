// Columns of AGH's databases that are not to be taken as they are: secrets, and rowids that mean something.

/** Columns that hold a secret itself, and why. References to secrets and hashes of them are no secrets. */
const SECRET: { readonly [column: string]: string } = {
  "vault_secrets.encrypted_value": "opens with the vault key, which may lie in a backup elsewhere",
  "task_runs.claim_token": "whoever has it holds the run's lease",
  "mcp_auth_tokens.access_token": "an OAuth token; AGH stores a reference today",
  "mcp_auth_tokens.refresh_token": "an OAuth token; AGH stores a reference today",
};

export const isSecret = (table: string, column: string): boolean => `${table}.${column}`.toLowerCase() in SECRET;

/**
 * Tables of agh.db whose rowids mean something to AGH, though none of their columns is one, with their key: `agh logs --after-seq` and
 * notification cursors count event_summaries by rowid, the full-text indexes of memory point to entries and chunks by it. SQLite may number
 * such rows anew when it vacuums.
 */
export const BY_ROWID: { readonly [table: string]: readonly string[] } = {
  event_summaries: ["id"],
  memory_catalog_entries: ["id"],
  memory_chunks: ["id"],
};
