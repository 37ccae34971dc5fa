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

/** What a path is to a backup. Pure and cheap: it is asked once a path. */
export interface Classification {
  readonly class: string;
  readonly scope: string;
  /** Set where a backup never takes it (sockets, locks, temp files, …): the reason, in words. */
  readonly never?: string;
  /** Of a directory: another class that lies below it. */
  readonly holds?: string;
  /** A database whose bytes alone are not its state. */
  readonly database?: "catalog" | "session";
}
