// A small repository with a past, made once for each kind of protection and laid out anew for each deed of an attacker.
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, globSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Decrypter } from "age-encryption";
import { tool } from "../../bin/agh-backup.ts";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { ageKey, type AgeKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";

/** How a repository is protected, and what the one who looks at it knows: a column of docs/security.md. */
export type Protection = "plain" | "encrypted" | "signed" | "known" | "anchored";

export const CANARY = "canary-5521";

/** What the attacker has: all files of the repository, then and now, and keys of his own. */
export interface Attacker {
  readonly identity: AgeKey;
  readonly signKey: string;
}

export interface AttackedRepository {
  readonly dir: string;
  /** Where the repository always lies. */
  readonly repo: string;
  readonly home: string;
  readonly owner: AgeKey;
  readonly signKey: string;
  readonly attacker: Attacker;
  readonly protection: Protection;
  /** An earlier copy of the repository, and another repository of the same owner and keys. */
  readonly earlier: string;
  readonly other: string;
  /** A snapshot that was pruned: the files of the earlier copy have it. */
  readonly pruned: string;
  /** The repository, and all that the owner's machine remembers, as they were. */
  reset(): void;
  /** On the machine of the column, or on the owner's. */
  verify(by?: "owner"): Promise<Ran>;
  /** As a machine of the owner does it every night. */
  create(by?: "owner"): Promise<Ran>;
  run(...argv: string[]): Promise<Ran>;
}

export async function makeRepository(t: TestContext, protection: Protection): Promise<AttackedRepository> {
  const dir = tempDir(t, "security");
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  writeFileSync(join(home, "config.toml"), `# ${CANARY}\n`);
  const [owner, identity] = [await ageKey(t), await ageKey(t)];
  const signKey = join(dir, "owner.key");
  writeKeyPair(signKey, "owner");
  writeKeyPair(join(dir, "attacker.key"), "owner");
  const [isEncrypted, isSigned] = [protection !== "plain", !["plain", "encrypted"].includes(protection)];
  const repo = join(dir, "repo");
  const path = (name: string): string => join(dir, name);
  const run = (...argv: string[]): Promise<Ran> => runIn("owner-home", ...argv);
  const runIn = (machine: string, ...argv: string[]): Promise<Ran> =>
    runHere(tool, argv, { env: { HOME: path(machine), TMPDIR: dir } });
  const ok = async (...argv: string[]): Promise<AnyRecord> => {
    const ran = await run(...argv);
    if (ran.code !== 0) throw new Error(`${argv.join(" ")}: ${ran.code} ${ran.stderr}${ran.stdout}`);
    return ran.records[0]!;
  };
  const sign = isSigned ? ["--sign", signKey] : [];
  const identityFlags = isEncrypted ? ["--identity", owner.file] : [];
  const init = (place: string) =>
    ok("init", "--repo", place, ...sign, ...(isEncrypted ? ["--encrypt-to", owner.recipient] : []));
  const createIn = (place: string) => ok("create", "--home", home, "--repo", place, ...sign);

  await init(path("other"));
  await createIn(path("other"));
  await init(repo);
  const { id: pruned } = await createIn(repo);
  writeFileSync(join(home, "config.toml"), `# ${CANARY} 2\n`);
  await createIn(repo);
  cpSync(repo, path("earlier"), { recursive: true, preserveTimestamps: true });
  await ok("prune", "--keep-last", "1", "--apply", "--repo", repo, ...sign, ...identityFlags);
  writeFileSync(join(home, "config.toml"), `# ${CANARY} 3\n`);
  await createIn(repo);
  await ok("drill", "--repo", repo, ...sign, ...identityFlags);
  if (isSigned) writeFileSync(path("head"), (await run("head", "--repo", repo)).stdout);
  cpSync(repo, path("template"), { recursive: true, preserveTimestamps: true });
  cpSync(path("owner-home"), path("owner-template"), { recursive: true });

  const trusts = isSigned && protection !== "known" ? ["--pub", `${signKey}.pub`] : [];
  const machine = protection === "known" ? "owner-home" : "stranger";
  return {
    dir,
    repo,
    home,
    owner,
    signKey,
    protection,
    attacker: { identity, signKey: path("attacker.key") },
    earlier: path("earlier"),
    other: path("other"),
    pruned: String(pruned),
    reset: () => {
      for (const [from, to] of [
        ["template", "repo"],
        ["owner-template", "owner-home"],
      ] as const) {
        rmSync(path(to), { recursive: true, force: true });
        cpSync(path(from), path(to), { recursive: true, preserveTimestamps: true });
      }
      rmSync(path("stranger"), { recursive: true, force: true });
    },
    verify: (by) =>
      runIn(
        by === "owner" ? "owner-home" : machine,
        "verify",
        "--all",
        "--level",
        "full",
        "--repo",
        repo,
        ...identityFlags,
        ...(by === "owner" ? [] : trusts),
        ...(protection === "anchored" ? ["--anchor", path("head")] : []),
      ),
    create: (by) => {
      writeFileSync(join(home, "config.toml"), `# ${CANARY} ${randomUUID()}\n`);
      return runIn(by === "owner" ? "owner-home" : machine, "create", "--home", home, "--repo", repo, ...sign);
    },
    run,
  };
}

export const filesOf = (dir: string): string[] =>
  globSync("**/*", { cwd: dir, exclude: (name) => name === ".stage" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort();

/** Bytes of every file, so that it shows later which are new. */
export const contentsOf = (dir: string): Map<string, Buffer> =>
  new Map(existsSync(dir) ? filesOf(dir).map((name) => [name, readFileSync(join(dir, name))]) : []);

const ZSTD = Buffer.from("28b52ffd", "hex");

/** What an attacker can read of what has come since: names of files that are plain, or open with his identity. */
export async function readableBy(
  attacker: Attacker,
  dir: string,
  before: ReadonlyMap<string, Buffer>,
): Promise<string[]> {
  const identity = readFileSync(attacker.identity.file, "utf8")
    .split("\n")
    .find((line) => line.startsWith("AGE-"))!;
  const readable: string[] = [];
  for (const [name, bytes] of contentsOf(dir)) {
    if (before.get(name)?.equals(bytes)) continue;
    if (bytes.includes(CANARY) || bytes.includes(ZSTD) || (await opens(bytes, identity))) readable.push(name);
  }
  return readable;
}

async function opens(bytes: Buffer, identity: string): Promise<boolean> {
  if (!bytes.toString("latin1", 0, 22).startsWith("age-encryption.org/v1")) return false;
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    await decrypter.decrypt(bytes);
    return true;
  } catch {
    return false;
  }
}

export const snapshotsIn = (dir: string): string[] =>
  readdirSync(join(dir, "snapshots"))
    .filter((name) => name.endsWith(".json"))
    .sort();
