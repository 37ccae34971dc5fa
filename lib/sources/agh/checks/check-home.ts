// Findings about the home itself: settings, modes, leftovers, the key of the vault.
import { lstatSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { findEarlyRefusals } from "../boot/boot-refusals.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import { listNames } from "./check-context.ts";
import type { Check, AghFinding, CheckContext, AghRule } from "./check-types.ts";
import { bundlesDir, EVENTS, META, sessionsDir, vaultKeyFile } from "../home/layout.ts";
import { lacksVaultKey } from "../catalog/vault-key.ts";

const refusing = (verdict: string, arises: string, loses: string): AghRule => ({
  severity: "error",
  verdict: `AGH refuses to start: ${verdict}`,
  arises,
  action: [],
  loses,
});

/** What AGH reads before anything else. */
export const settings: Check = {
  level: "quick",
  rules: {
    CONFIG_UNPARSABLE: refusing("config.toml is not valid TOML", "an edit", "nothing safe: correct the file by hand"),
    CONFIG_UNKNOWN_KEY: refusing(
      "config.toml has a key that it does not know",
      "a typing error, or a file of another version of AGH",
      "nothing safe: correct or remove the key",
    ),
    MCP_UNPARSABLE: refusing("mcp.json is not valid JSON", "an edit", "nothing safe: correct the file by hand"),
    MCP_UNKNOWN_FIELD: refusing(
      "mcp.json has a field that it does not know",
      "a file written for another program",
      "nothing safe: correct or remove the field",
    ),
    LAYOUT: refusing("`sessions` is not a directory", "a copy that failed", "nothing safe: look at what it is"),
  },
  async *find({ home, deps }) {
    for (const refusal of await findEarlyRefusals(home, deps)) {
      const [, code = "", message = ""] = /^([A-Z_]+): ([^]*)$/.exec(refusal) ?? [];
      if (Object.hasOwn(this.rules, code)) yield { code, message, evidence: {} };
    }
  },
};

export const vault: Check = {
  level: "quick",
  rules: {
    VAULT_KEY_UNUSABLE: {
      severity: "error",
      verdict: "the vault's secrets cannot be decrypted; without a key file AGH creates a new key, and they are lost",
      arises: "agh.db was restored without vault.key, or the key has another owner, mode or length",
      action: [],
      loses: "nothing safe: restore vault.key from where it was kept, or set AGH_VAULT_KEY",
    },
  },
  *find({ home: { root, live }, deps, stores }) {
    // A backup leaves the key out unless it is asked for.
    if (!live || deps.env["AGH_VAULT_KEY"] || stores.catalogError) return;
    const problem = lacksVaultKey(root) ? "vault.key does not exist" : vaultKeyProblem(vaultKeyFile(root));
    if (problem) yield { code: "VAULT_KEY_UNUSABLE", message: problem, evidence: { path: vaultKeyFile(root) } };
  },
};

/** As AGH judges it: a regular file of mode 0600 with 32 bytes in base64. */
function vaultKeyProblem(path: string): string | undefined {
  const stat = lstatSync(osPath(path), { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (!stat.isFile()) return "vault.key is not a regular file: AGH refuses it";
  if ((stat.mode & 0o077) !== 0) return `vault.key has mode ${octal(stat.mode)}: AGH refuses it`;
  if (stat.size > 1024) return "vault.key is not a key of 32 bytes in base64";
  const bytes = Buffer.from(readFileSync(osPath(path), "latin1").trim(), "base64");
  return bytes.length === 32 ? undefined : "vault.key is not a key of 32 bytes in base64";
}

const isDirectoryMode = (mode: number): boolean => (mode & 0o100) !== 0;

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");

const PRIVATE_DIRECTORIES = [".", "agents", "skills", "memory", "sessions", "restarts", "logs"];
const PRIVATE_FILES = "agh.db agh.db-wal agh.db-shm daemon.json daemon.lock daemon.sock vault.key".split(" ");

/** AGH's own modes: session directories and their files are readable, behind a home that is not. */
const SESSION_FILES = [EVENTS, `${EVENTS}-wal`, `${EVENTS}-shm`, META];

export const modes: Check = {
  level: "quick",
  rules: {
    MODE_WIDER: {
      severity: "warn",
      verdict: "its mode gives others more access than AGH gives them",
      arises: "a copy or an archive program that did not keep modes, a umask, a chmod",
      action: ["chmod"],
      loses: "nothing",
    },
  },
  *find(context) {
    if (!context.home.live) return; // a scratch copy has modes of its own
    for (const [path, limit] of limits(context)) {
      const stat = lstatSync(osPath(path), { throwIfNoEntry: false });
      // A directory where a file belongs has its own finding: without its x bit nobody could look into it.
      if (!stat || stat.isSymbolicLink() || stat.isDirectory() !== isDirectoryMode(limit)) continue;
      if ((stat.mode & 0o7777 & ~limit) === 0) continue;
      const [mode, to] = [octal(stat.mode), octal(stat.mode & limit)];
      yield {
        code: "MODE_WIDER",
        message: `${path} has mode ${mode}; AGH creates it with ${octal(limit)}`,
        evidence: { path, mode, limit: octal(limit) },
        action: { verb: "chmod", subject: { path, mode: to }, expect: { mode }, loses: null },
      };
    }
  },
};

function* limits({ home: { root }, sessions }: CheckContext): Generator<[path: string, limit: number]> {
  for (const name of PRIVATE_DIRECTORIES) yield [name === "." ? root : joinPath(root, name), 0o700];
  for (const name of PRIVATE_FILES) yield [joinPath(root, name), 0o600];
  yield [joinPath(root, "config.toml"), 0o644];
  for (const name of listNames(bundlesDir(root))) yield [joinPath(bundlesDir(root), name), 0o600];
  for (const { dir, names, ledger } of sessions) {
    if (dir) yield [dir.path, 0o755];
    for (const name of names) if (SESSION_FILES.includes(name)) yield [joinPath(dir!.path, name), 0o644];
    if (ledger !== undefined) {
      yield [dirname(ledger), 0o755];
      yield [ledger, 0o644];
    }
  }
}

const TEMPORARY = /^(?:\.agh-atomic-.+|.+\.tmp-[^.]+|\.agh-toolkit-[0-9a-f]{12}\.tmp)$/;

export const leftovers: Check = {
  level: "quick",
  rules: {
    TEMP_FILE: {
      severity: "info",
      verdict: "a file that was being written when its writer died",
      arises: "kill -9, a power cut, a full disk",
      action: ["trash"],
      loses: "nothing: it is moved to the trash",
    },
  },
  *find({ home: { root }, sessions, daemon }) {
    if (daemon.alive !== false) return; // it may be in the middle of a write
    yield* temporaryIn(root, listNames(root));
    yield* temporaryIn(sessionsDir(root), listNames(sessionsDir(root)));
    for (const { dir, names } of sessions) if (dir) yield* temporaryIn(dir.path, names);
  },
};

function* temporaryIn(dir: string, names: readonly string[]): Generator<AghFinding> {
  for (const name of names) {
    if (!TEMPORARY.test(name)) continue;
    const path = joinPath(dir, name);
    if (!lstatSync(osPath(path), { throwIfNoEntry: false })?.isFile()) continue;
    const mark = readFileMark(path);
    yield {
      code: "TEMP_FILE",
      message: `${path} is left over from an unfinished write`,
      evidence: { path, size: mark?.size },
      action: { verb: "trash", subject: { path }, expect: { file: mark }, loses: null },
    };
  }
}
