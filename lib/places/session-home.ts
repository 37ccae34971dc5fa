// What taking a session out of a home, or a copy of it, asks of the home: where ledgers and bundles lie, who has a database open.
import { basename, dirname } from "node:path";
import { joinPath } from "../files/os-path.ts";
import { readLocks, type LockTable } from "../files/proc-locks.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { walOwners } from "../sqlite/wal-owners.ts";
import { readLedgerPlace } from "../sources/agh/home/config.ts";
import { EVENTS, outsideDir } from "../sources/agh/home/layout.ts";
import { findSessionDir, listLedgerFiles, listSessionNames } from "../sources/agh/sessions/scan.ts";
import type { Home } from "../sources/source.ts";
import { listBundles, bundlesOf } from "./session-parts.ts";

export class SessionHome {
  readonly home: Home;
  #ledgers: ReadonlyMap<string, string>;
  #bundles: readonly string[];
  #locks: LockTable | undefined;

  private constructor(home: Home, ledgers: ReadonlyMap<string, string>) {
    this.home = home;
    this.#ledgers = ledgers;
    this.#bundles = listBundles(home.root);
    this.#locks = home.live ? readLocks() : undefined;
  }

  /** A config.toml that cannot be read leaves it open where ledgers lie: refused (4). */
  static async open(home: Home, deps: Pick<Deps, "env">): Promise<SessionHome> {
    const { ledgerRoot, problem } = await readLedgerPlace(home.root, deps);
    if (problem)
      throw refusal(problem.code as `E_${string}`, problem.message, "fix config.toml: it names the ledger root");
    const here = home.live || ledgerRoot.startsWith(`${home.root}/`) ? ledgerRoot : outsideDir(home.root, "ledgers");
    return new SessionHome(home, listLedgerFiles(home.root, here, listSessionNames(home.root).partitions));
  }

  directoryOf(id: string): string | undefined {
    return findSessionDir(this.home.root, id);
  }

  ledgerOf(id: string): { readonly ledger: string | undefined; readonly partition: string | null } {
    const ledger = this.#ledgers.get(id);
    return { ledger, partition: ledger === undefined ? null : basename(dirname(dirname(ledger))) };
  }

  bundlesOf(id: string): readonly string[] {
    return bundlesOf(this.#bundles, id);
  }

  /** Why this session must not be archived or retired now; undefined when it may. */
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
