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
  "transcripts",
  "other",
] as const;

/** Classes that a backup takes on request: they hold keys and logins, or copies of what is there anyway. */
export const OPTIONAL_CLASSES = [
  "vault-key",
  "providers",
  "provider-credentials",
  "support-bundles",
  "workspace-env",
] as const;

/** Tables that hold logins beside what is copied, and the class that takes them. */
export interface SecretTables {
  readonly class: string;
  /** By name, in lower case. */
  readonly tables: readonly string[];
  /** By a column of this name, in lower case, whatever the table is called. */
  readonly columns: readonly string[];
  /** Free pages may hold what was deleted: without the class it is never copied page by page. */
  readonly always?: true;
}

/** What a path is to a backup. Pure and cheap: it is asked once a path. */
export interface Classification {
  readonly class: string;
  readonly scope: string;
  /** Set where a backup never takes it (sockets, locks, temp files, …): the reason, in words. */
  readonly never?: string;
  /** Other classes with which it is taken: of a directory, those that lie below it. */
  readonly holds?: string | readonly string[];
  /** A database whose bytes alone are not its state. */
  readonly database?: "catalog" | "session";
  /** Where it is a database: what of it is another class. */
  readonly secrets?: SecretTables;
  /** JSON Lines that somebody may be adding to: taken at whole lines. */
  readonly lines?: true;
}
