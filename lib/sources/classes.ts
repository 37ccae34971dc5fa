// The classes that a source puts paths into, and which of them a backup takes.

/** Classes that a backup takes by default. */
export const DEFAULT_CLASSES = [
  "home",
  "catalog",
  "sessions",
  "ledgers",
  "config",
  "agents",
  "skills",
  "memory",
  "extensions",
  "archive",
  "evidence",
  "logs",
  "workspaces",
  "other",
] as const;

/** Classes that a backup takes on request: they hold keys and logins, or copies of what is there anyway. */
export const OPTIONAL_CLASSES = ["vault-key", "providers", "support-bundles", "workspace-env"] as const;
