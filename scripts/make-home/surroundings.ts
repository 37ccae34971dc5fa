// The files of a home beside its databases: configuration, agents, memory, logs, lock, key.
import fs from "node:fs";
import path from "node:path";
import type { Random } from "./random.ts";
import { ulid } from "./random.ts";

const DIRECTORIES = ["agents", "skills", "memory", "sessions", "restarts", "logs"];
const CONFIG = `[http]
host = "127.0.0.1"
port = 18441

[defaults]
agent = "coder"
provider = "acpmock"

[permissions]
mode = "approve-all"

[network]
enabled = false

[providers.acpmock]
command = "/usr/local/bin/mock-acp"
display_name = "ACP Mock"
harness = "acp"
auth_mode = "none"
none_security = "local_transport"
`;

/** The directories AGH makes at boot, all 0700. */
export function makeLayout(home: string): void {
  fs.mkdirSync(home, { recursive: true });
  for (const name of DIRECTORIES) fs.mkdirSync(path.join(home, name));
}

export function writeSurroundings(home: string, random: Random, startedMs: number): void {
  const put = (name: string, text: string, mode: number): void => {
    fs.mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    fs.writeFileSync(path.join(home, name), text);
    fs.chmodSync(path.join(home, name), mode);
  };
  const started = new Date(startedMs).toISOString();
  put("config.toml", CONFIG, 0o644);
  put(
    "workspace.toml",
    `workspace_id = "${ulid(random, startedMs)}"\ncreated_at = "${started}"\nrealpath_at_creation = "/home/ops"\n`,
    0o644,
  );
  put("agents/coder/AGENT.md", agent("coder"), 0o644);
  put("memory/MEMORY.md", "- [Style](user_style.md)\n", 0o644);
  put("memory/user_style.md", "---\nname: Style\ntype: user\n---\nShort sentences.\n", 0o644);
  put("logs/agh.log", `{"time":"${started}","level":"INFO","msg":"daemon.started","pid":19999}\n`, 0o600);
  put("vault.key", `${Buffer.from(random.hex(64), "hex").toString("base64")}\n`, 0o600);
  put("daemon.lock", "0\n", 0o600);
}

function agent(name: string): string {
  return `---\nname: ${name}\nprovider: acpmock\ncommand: '/usr/local/bin/mock-acp ${name}'\nmodel: mock-large\npermissions: approve-all\n---\n\nYou are ${name}.\n`;
}
