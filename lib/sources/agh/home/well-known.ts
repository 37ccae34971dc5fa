// The paths that AGH's documentation names one by one: listed also where they are not there.

/** In the home. */
export const IN_HOME: readonly string[] = [
  "agents",
  "agh.db",
  "config.toml",
  "daemon.json",
  "daemon.lock",
  "daemon.sock",
  "extensions",
  "logs",
  "logs/agh.log",
  "logs/crash-bundles",
  "logs/network.audit",
  "mcp.json",
  "memory",
  "memory/_inbox",
  "memory/_system",
  "providers",
  "restarts",
  "session-archive",
  "sessions",
  "sessions/_unbound",
  "skills",
  "support-bundles",
  "vault.key",
];

/** In a workspace. */
export const IN_WORKSPACE: readonly string[] = [
  ".agh",
  ".agh/agents",
  ".agh/config.toml",
  ".agh/mcp.json",
  ".agh/memory",
  ".agh/skills",
  ".agh/workspace.toml",
  ".env",
];
