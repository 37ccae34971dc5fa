// What lies below `providers/`, the homes of the agents' own programs: transcripts, what holds keys and logins, and the rest.
import type { PathType } from "../../../files/walk.ts";
import type { Classification, SecretTables } from "../../classes.ts";

const CREDENTIALS_CLASS = "provider-credentials";
const DIRECTORY: Classification = {
  class: "providers",
  scope: "provider",
  holds: ["transcripts", CREDENTIALS_CLASS],
};
const TRANSCRIPT: Classification = { class: "transcripts", scope: "provider", lines: true };
const CREDENTIALS: Classification = { class: CREDENTIALS_CLASS, scope: "provider" };

/** The tables of OpenCode and Codex by name, those of the others by what they are made of. */
const SECRETS: SecretTables = {
  class: CREDENTIALS_CLASS,
  tables: [
    "account",
    "account_state",
    "control_account",
    "credential",
    "credentials",
    "session_share",
    "remote_control_enrollments",
    "oauth_tokens",
    "mcp_oauth_credentials",
    "provider_credentials",
  ],
  columns: [
    "access_token",
    "refresh_token",
    "id_token",
    "auth_token",
    "bearer_token",
    "api_key",
    "apikey",
    "secret",
    "client_secret",
    "secret_key",
    "private_key",
    "password",
    "credentials_json",
  ],
};
const FILE: Classification = { class: "providers", scope: "provider", secrets: SECRETS };
/** They are known to hold logins beside transcripts. */
const MIXED_DATABASE: Classification = { ...FILE, holds: CREDENTIALS_CLASS, secrets: { ...SECRETS, always: true } };

/** `path` begins with `providers/`. What is no transcript by name, and may hold a key, counts as a credential. */
export function classifyProviderFile(path: string, type: PathType | "missing"): Classification {
  if (type === "directory") return DIRECTORY;
  const names = path.toLowerCase().split("/");
  const name = names.pop()!.replace(/-(?:wal|shm|journal)$/, "");
  if (name.endsWith(".jsonl")) return TRANSCRIPT;
  if (MIXED.test(name)) return MIXED_DATABASE;
  if (PROGRAM_TEXT.test(name)) return FILE;
  if (CREDENTIAL_FILE.test(name) || names.some((directory) => CREDENTIAL_DIRECTORIES.has(directory)))
    return CREDENTIALS;
  return FILE;
}

/** `opencode.db`, `opencode-<channel>.db`, `state_<generation>.sqlite`. */
const MIXED = /^(?:opencode(?:-[^/]*)?\.db|state_\d+\.sqlite)$/;

/** Caches of packages are full of them, and their names say what they are about, not what they hold. */
const PROGRAM_TEXT = /\.(?:md|[cm]?[jt]sx?|map|py|rs|go|html|css)$/;

/** Names as they are, with whatever an editor or an update has put behind them, and words that say what a file holds. */
const CREDENTIAL_FILE = new RegExp(
  [
    String.raw`^\.claude\.json`,
    String.raw`^\.env(?:$|[.-])`,
    String.raw`^\.(?:netrc|npmrc|yarnrc|pypirc|pgpass|git-credentials|gitconfig)`,
    String.raw`^(?:\.?mcp|models|opencode|config|hosts|apps)\.(?:jsonc?|toml|ya?ml)`,
    String.raw`^logs_\d+\.sqlite$`, // Codex writes requests there, headers included
    String.raw`^id_(?:rsa|dsa|ecdsa|ed25519)`,
    String.raw`\.(?:pem|key|p12|pfx|keystore|jks|kdbx|keychain|keychain-db)$`,
    String.raw`(?:^|[^a-z])(?:o?auth\d*|cred(?:ential)?s?|tokens?|secrets?|api[_-]?keys?|passw(?:or)?ds?|accounts?|settings|keyring)(?:[^a-z]|$)`,
  ].join("|"),
);

const CREDENTIAL_DIRECTORIES: ReadonlySet<string> = new Set([
  "shell-snapshots",
  "shell_snapshots",
  "session-env",
  "backups",
  "db-backups", // Codex puts damaged databases there
  "auth",
  "oauth",
  "mcp-auth",
  "credentials",
  "secrets",
  "tokens",
  "keyrings",
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".kube",
  ".docker",
  "gcloud",
  "gh",
  "github-copilot",
]);
