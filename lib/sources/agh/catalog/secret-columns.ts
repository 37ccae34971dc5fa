// The columns of AGH's databases that hold secrets.
/** Columns that hold a secret itself, and why. References to secrets and hashes of them are no secrets. */
const SECRET: { readonly [column: string]: string } = {
  "vault_secrets.encrypted_value": "opens with the vault key, which may lie in a backup elsewhere",
  "task_runs.claim_token": "whoever has it holds the run's lease",
  "mcp_auth_tokens.access_token": "an OAuth token; AGH stores a reference today",
  "mcp_auth_tokens.refresh_token": "an OAuth token; AGH stores a reference today",
};

export const isSecret = (table: string, column: string): boolean => `${table}.${column}`.toLowerCase() in SECRET;
