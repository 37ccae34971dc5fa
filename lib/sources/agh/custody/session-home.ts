// Where the parts of AGH's sessions lie in a home, or in a copy of it, and who has one of them open.
import { readdirSync, type Dirent } from "node:fs";
import { basename, dirname } from "node:path";
import { toFileError } from "../../../files/errors.ts";
import { realPath } from "../../../files/link-target.ts";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { readLocks, type LockTable } from "../../../files/proc-locks.ts";
import type { PathFacts } from "../../../files/walk.ts";
import { PARTS } from "../../../formats/archive/receipt.ts";
import type { Deps } from "../../../records/deps.ts";
import { refusal } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { walOwners } from "../../../sqlite/wal-owners.ts";
import type { LocalSession, OwnTree } from "../../custody.ts";
import { HomeLinks } from "../../links.ts";
import { fingerprintOf, freedBytes, listOwnPaths, movablePaths } from "../../own-trees.ts";
import type { Home } from "../../source.ts";
import { providerRuntimeExclusion } from "../home/provider-runtime.ts";
import { ledgerRootHere, readLedgerPlace } from "../home/config.ts";
import { bundlesDir, EVENTS, isId, sessionDir, sessionsDir } from "../home/layout.ts";
import { findSessionDir, listLedgerFiles, listSessionNames } from "../sessions/scan.ts";

export class SessionHome {
  readonly home: Home;
  readonly #ledgerRoot: string;
  #ledgers: ReadonlyMap<string, string> | undefined;
  #bundles: readonly string[] | undefined;
  readonly #links: HomeLinks;
  #linkedDirs: ReadonlyMap<string, string> | undefined;
  #locks: LockTable | undefined;

  private constructor(home: Home, ledgerRoot: string, deps: Pick<Deps, "env">) {
    this.home = home;
    this.#links = new HomeLinks(home, deps);
    this.#ledgerRoot = ledgerRoot;
    this.#locks = home.live ? readLocks() : undefined;
  }

  /** A config.toml that cannot be read leaves it open where ledgers lie: refused (4). */
  static async open(home: Home, deps: Pick<Deps, "env">): Promise<SessionHome> {
    const { ledgerRoot, problem } = await readLedgerPlace(home.root, deps);
    if (problem)
      throw refusal(problem.code as `E_${string}`, problem.message, "fix config.toml: it names the ledger root");
    return new SessionHome(home, ledgerRootHere(home, ledgerRoot), deps);
  }

  directoryOf(id: string): string | undefined {
    return findSessionDir(this.home.root, id);
  }

  ledgerOf(id: string): { readonly ledger: string | undefined; readonly partition: string | null } {
    const { root } = this.home;
    this.#ledgers ??= listLedgerFiles(root, this.#ledgerRoot, listSessionNames(root).partitions);
    const ledger = this.#ledgers.get(id);
    return { ledger, partition: ledger === undefined ? null : basename(dirname(dirname(ledger))) };
  }

  bundlesOf(id: string): readonly string[] {
    return bundlesOf((this.#bundles ??= listBundles(this.home.root)), id);
  }

  inspect(session: SessionRecord): LocalSession | undefined {
    const { id } = session;
    const dir = this.directoryOf(id);
    if (dir === undefined) return undefined;
    const { ledger, partition } = this.ledgerOf(id);
    const bundles = this.bundlesOf(id);
    const trees: OwnTree[] = [
      { part: PARTS.session, dir },
      ...(ledger === undefined ? [] : [{ part: PARTS.ledger, dir: dirname(ledger) }]),
      ...(bundles.length === 0 ? [] : [bundleTree(this.home.root, bundles)]),
    ];
    const own = { isIgnored: isMadeAnew, links: this.#links, exclusionOf };
    const { unexpected, ...found } = listOwnPaths(trees, own);
    const movable = movablePaths({ trees, paths: found.paths });
    const [bytes, fingerprint] = [freedBytes(movable), fingerprintOf(movable)];
    const used = this.#linksTo(dir);
    return {
      id,
      session,
      trees,
      ...found,
      unexpected: [...unexpected, ...used],
      partition,
      rows: {},
      bytes,
      fingerprint,
    };
  }

  /** Links among the sessions that lead to a directory of one: without it they would lead nowhere. */
  #linksTo(dir: string): { path: string; reason: string }[] {
    this.#linkedDirs ??= listLinkedDirs(this.home.root);
    const name = this.#linkedDirs.size === 0 ? undefined : this.#linkedDirs.get(realPath(dir) ?? dir);
    return name === undefined || name === basename(dir)
      ? []
      : [{ path: PARTS.session, reason: `sessions/${name} is a symbolic link to it` }];
  }

  trees(id: string, partition: string | null): readonly OwnTree[] {
    const { root } = this.home;
    if (!isId(id)) throw refusal("E_HOSTILE_ARCHIVE", `${JSON.stringify(id)} is not the id of a session of AGH`);
    if (partition !== null && (!isId(partition) || partition === id)) {
      throw refusal("E_HOSTILE_ARCHIVE", `the receipt of ${id} puts its ledger at ${JSON.stringify(partition)}`);
    }
    return [
      { part: PARTS.session, dir: sessionDir(root, id) },
      ...(partition === null ? [] : [{ part: PARTS.ledger, dir: joinPath(joinPath(this.#ledgerRoot, partition), id) }]),
      bundleTree(root, this.bundlesOf(id)),
    ];
  }

  reasonAgainst({ id, effective, state, has }: SessionRecord): string | undefined {
    if (effective === "running" || effective === "unknown")
      return `it is ${state ?? "unknown"}: it may still be written to`;
    if (effective === "dead")
      return "it claims to be active and has no process: the next start of the daemon repairs it first";
    if (!has.dir) return "it has no directory here";
    if (!has.meta) return "its meta.json cannot be read: agh-reconcile check";
    if (state !== "stopped") return `it is ${state ?? "in no known state"}, not stopped`;
    const dir = this.directoryOf(id);
    const owners = dir === undefined ? [] : walOwners(joinPath(dir, EVENTS), this.#locks);
    return owners && owners.length > 0 ? `its events.db is open in process ${owners.join(", ")}` : undefined;
  }
}

/** The bundles of all sessions lie in one directory, and outlast them. */
const bundleTree = (root: string, only: readonly string[]): OwnTree => ({
  part: PARTS.bundles,
  dir: bundlesDir(root),
  only,
  stays: true,
});

/** What SQLite makes anew beside a session's database. */
export const isMadeAnew = ({ path, stat }: PathFacts): boolean =>
  path === `${EVENTS}-shm` || (path === `${EVENTS}-wal` && stat.size === 0n);

/** Why no archive takes a file of a session, by its path in an archive. */
export function exclusionOf(path: string): string | undefined {
  const [part, below] = [PARTS.session, path.slice(PARTS.session.length + 1)];
  return path.startsWith(`${part}/`) ? providerRuntimeExclusion(below, "file") : undefined;
}

/** The directories that links in `sessions/` lead to, with the name of the link. */
function listLinkedDirs(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of entriesOf(sessionsDir(root))) {
    if (!entry.isSymbolicLink()) continue;
    const real = realPath(sessionDir(root, entry.name));
    if (real !== undefined) found.set(real, entry.name);
  }
  return found;
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(osPath(dir), { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw toFileError(dir, "list", error);
  }
}

/** Names of all crash bundles of a home, sorted. */
export function listBundles(root: string): readonly string[] {
  try {
    return readdirSync(osPath(bundlesDir(root))).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

/** Those of one session: AGH calls them `<session>-<failure kind>-<nanoseconds>.json`. */
export const bundlesOf = (names: readonly string[], id: string): readonly string[] =>
  names.filter((name) => name.startsWith(`${id}-`) && /^[a-z_]+-\d+\.json$/.test(name.slice(id.length + 1)));
