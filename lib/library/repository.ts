// A backup repository: snapshots made, listed, restored, verified and drilled.
import { version } from "../cli/manifest.ts";
import type { Deps } from "../records/deps.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Action, Diff, Finding, VerdictRecord } from "../records/result-kinds.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import type { EntryRecord, GapRecord, RepositoryRecord, SnapshotRecord } from "../records/toolkit-kinds.ts";
import { LOCK_TIMEOUT_MS, OpenHome } from "./home.ts";
import { beginCall, iterate, type LibraryOptions } from "./options.ts";
import { act, check, type Outcome } from "./outcome.ts";

export interface OpenRepositoryOptions extends LibraryOptions {
  /** The age identity file of an encrypted repository; AGH_BACKUP_IDENTITY unless given. */
  readonly identity?: string;
  /** Files of public keys: only what one of them has signed counts; AGH_BACKUP_PUB unless given. */
  readonly publicKeys?: readonly string[];
  /** A file with a head of the log, kept elsewhere: the repository must go on from it; AGH_BACKUP_ANCHOR unless given. */
  readonly anchor?: string;
  /** The private key file that signs what is made; AGH_BACKUP_SIGN_KEY unless given. */
  readonly signKey?: string;
  /** Refuses a repository that is not encrypted to exactly these; AGH_BACKUP_RECIPIENTS unless given. */
  readonly recipients?: readonly string[];
}

export interface CreateRepositoryOptions extends OpenRepositoryOptions {
  /** Everything in it is encrypted to these age recipients. */
  readonly encryptTo?: readonly string[];
}

/** Which snapshots are meant. */
export interface SnapshotSelection {
  /** Only those of this home; `latest` and times need it where the repository has snapshots of several. */
  readonly homeId?: string;
  /** Only those that began at or before this time. */
  readonly at?: Date;
}

export interface CreateSnapshotOptions extends LibraryOptions {
  /** Classes taken as well, such as `vault-key`. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly tags?: readonly string[];
  /** `cold` waits `lockTimeoutMs` for the daemon to exit and locks it out. */
  readonly consistency?: "cut" | "cold";
  readonly lockTimeoutMs?: number;
  /** Looks for damage in what was made. */
  readonly verify?: "quick" | "full" | "deep";
  /** What is known to be missing: `workspaces/ID`, `ROOT/PATH`. */
  readonly acceptMissing?: readonly string[];
  readonly dryRun?: boolean;
}

interface RestoreScope extends SnapshotSelection, LibraryOptions {
  /** Only these classes. */
  readonly only?: readonly string[];
  /** Only this session: a full id, or a unique prefix. */
  readonly session?: string;
  readonly dryRun?: boolean;
}

/** Restores to a new or empty directory. */
export interface RestoreToOptions extends RestoreScope {
  readonly to: string;
}

/** Changes an existing home, in one journaled step. */
export interface RestoreIntoOptions extends RestoreScope {
  readonly into: string;
  /** A session that is there and differs goes to the trash. */
  readonly replace?: boolean;
  /** The snapshot may be of another home. */
  readonly fromOtherHome?: boolean;
  readonly lockTimeoutMs?: number;
}

export interface VerifyOptions extends SnapshotSelection, LibraryOptions {
  /** Full ids, unique prefixes or `latest`; everything unless given. */
  readonly ids?: readonly string[];
  readonly level?: "quick" | "full" | "deep";
  /** The share of packs and databases that is read, from 0 to 1. */
  readonly sample?: number;
}

export interface DrillOptions extends SnapshotSelection, LibraryOptions {
  /** Tests, and stores no result. */
  readonly dryRun?: boolean;
}

/** A home that is open, or the word that names one. */
export type HomeOrPlace = OpenHome | string;

/** Makes an empty repository. A place that holds one, or anything else, is refused (4). */
export async function createRepository(url: string, options: CreateRepositoryOptions = {}): Promise<OpenRepository> {
  const { initRepository } = await import("../backup/repository-upkeep/init.ts");
  const { deps } = beginCall(options);
  let made: RepositoryRecord | undefined;
  const env = envOf(options, deps);
  const encryptTo = options.encryptTo ?? [];
  for await (const record of initRepository({ repo: url, encryptTo }, { ...deps, env })) made = record;
  return new OpenRepository(made!.repo, made!.id, options);
}

/** Opens a repository. Where there is none → E_NO_REPOSITORY (6). */
export async function openRepository(url: string, options: OpenRepositoryOptions = {}): Promise<OpenRepository> {
  const repositories = await import("../formats/repository/repository.ts");
  const { deps } = beginCall(options);
  const { url: real, file } = await repositories.openRepository(url, { env: envOf(options, deps) });
  return new OpenRepository(real, file.id, options);
}

function envOf(options: OpenRepositoryOptions, { env }: Deps): Deps["env"] {
  const { identity, publicKeys, anchor, signKey, recipients } = options;
  const named = {
    AGH_BACKUP_IDENTITY: identity,
    AGH_BACKUP_PUB: publicKeys?.join("\n"),
    AGH_BACKUP_ANCHOR: anchor,
    AGH_BACKUP_SIGN_KEY: signKey,
    AGH_BACKUP_RECIPIENTS: recipients?.join(","),
  };
  return { ...env, ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) };
}

export class OpenRepository {
  readonly url: string;
  readonly id: string;
  readonly #options: OpenRepositoryOptions;

  constructor(url: string, id: string, options: OpenRepositoryOptions) {
    this.url = url;
    this.id = id;
    this.#options = options;
  }

  /** The snapshots, the newest first. */
  snapshots(
    options: SnapshotSelection & LibraryOptions & { readonly tags?: readonly string[]; readonly session?: string } = {},
  ): AsyncIterable<SnapshotRecord> {
    const { homeId, at, tags = [], session } = options;
    return this.#iterate(async (deps) => {
      const { listSnapshots } = await import("../backup/list.ts");
      return listSnapshots({ repo: this.url, homeId, at, tags, session }, deps);
    }, options);
  }

  /** A snapshot, every path of the home that it lacks, then every path in it. */
  entries(
    id: string,
    options: SnapshotSelection & LibraryOptions = {},
  ): AsyncIterable<SnapshotRecord | GapRecord | EntryRecord> {
    const { homeId, at } = options;
    return this.#iterate(async (deps) => {
      const { showSnapshot } = await import("../backup/list.ts");
      return showSnapshot({ repo: this.url, id, homeId, at }, deps) as AsyncIterable<
        SnapshotRecord | GapRecord | EntryRecord
      >;
    }, options);
  }

  /** Backs up a home while its daemon runs; nothing in it is changed. */
  async createSnapshot(
    home: HomeOrPlace,
    options: CreateSnapshotOptions = {},
  ): Promise<Outcome<SnapshotRecord | Finding> & { readonly snapshot: SnapshotRecord }> {
    const { include = [], exclude = [], tags = [], acceptMissing = [], verify, dryRun } = options;
    const { consistency = "cut", lockTimeoutMs = 0 } = options;
    const outcome = await this.#act<SnapshotRecord | Finding>(async (deps) => {
      const { createSnapshots } = await import("../backup/create/create.ts");
      const how = {
        include,
        exclude,
        tags,
        acceptMissing,
        consistency,
        lockTimeoutMs,
        verify,
        dryRun: dryRun === true,
      };
      return createSnapshots([placeOf(home)], { repo: this.url, toolkit: version, ...how }, deps);
    }, options);
    return { ...outcome, snapshot: outcome.records.find(({ kind }) => kind === "snapshot") as SnapshotRecord };
  }

  /** `id` is a full id, a unique prefix, a time, or `latest`. Every chunk is checked while it is written. */
  restore(
    id: string,
    options: RestoreToOptions | RestoreIntoOptions,
  ): Promise<Outcome<SnapshotRecord | SessionRecord | Action | Finding>> {
    const { only = [], session, homeId, at, dryRun = false } = options;
    const selected = { repo: this.url, id, only, session, homeId, at };
    return this.#act(async (deps): Promise<AsyncIterable<AnyRecord>> => {
      if ("to" in options) {
        const { restoreSnapshot } = await import("../backup/restore/restore.ts");
        return restoreSnapshot({ ...selected, to: options.to, dryRun }, deps);
      }
      const { into, replace = false, fromOtherHome = false, lockTimeoutMs = LOCK_TIMEOUT_MS } = options;
      const { restoreInPlace } = await import("../backup/restore/restore-in-place.ts");
      const how = { into, replace, fromOtherHome, lockTimeoutMs, apply: !dryRun, toolkit: version };
      return restoreInPlace({ ...selected, ...how }, deps);
    }, options);
  }

  /** Looks for damage. One finding a fault; nothing is changed. */
  verify(options: VerifyOptions = {}): Promise<Outcome<Finding>> {
    const { ids = [], level = "quick", sample, homeId, at } = options;
    return this.#check(async (deps) => {
      const { verifyRepository } = await import("../backup/verify/verify.ts");
      return verifyRepository({ repo: this.url, ids, all: ids.length === 0, level, sample, homeId, at }, deps);
    }, options);
  }

  /** Restores a snapshot to a scratch directory and tests it; the result is kept in the repository. */
  async drill(
    id = "latest",
    options: DrillOptions = {},
  ): Promise<Outcome<Finding | VerdictRecord> & { readonly verdict: VerdictRecord }> {
    const { homeId, at, dryRun = false } = options;
    const outcome = await this.#check<Finding | VerdictRecord>(async (deps) => {
      const { drillSnapshot } = await import("../backup/verify/drill.ts");
      return drillSnapshot({ repo: this.url, id, homeId, at, dryRun, toolkit: version }, deps);
    }, options);
    return { ...outcome, verdict: outcome.records.find(({ kind }) => kind === "verdict") as VerdictRecord };
  }

  /** A suspect or bad snapshot counts as trusted from now on: what it has lost was to go. Another one → exit 2. */
  accept(
    id: string,
    because: string,
    options: SnapshotSelection & LibraryOptions & { readonly dryRun?: boolean } = {},
  ): Promise<Outcome<SnapshotRecord>> {
    const { homeId, at, dryRun = false } = options;
    return this.#act(async (deps) => {
      const { acceptSnapshot } = await import("../backup/accept.ts");
      return acceptSnapshot({ repo: this.url, id, because, homeId, at, dryRun }, deps);
    }, options);
  }

  /** What differs between two snapshots. */
  diff(a: string, b: string, options: LibraryOptions & { readonly homeId?: string } = {}): Promise<Outcome<Diff>> {
    const { homeId } = options;
    return this.#check(async (deps) => {
      const { diffSnapshots } = await import("../backup/diff.ts");
      return diffSnapshots({ repo: this.url, a, b, homeId }, deps);
    }, options);
  }

  #withIdentity(deps: Deps): Deps {
    return { ...deps, env: envOf(this.#options, deps) };
  }

  #iterate<T>(items: (deps: Deps) => Promise<AsyncIterable<T>>, options: LibraryOptions): AsyncIterable<T> {
    return iterate((deps) => items(this.#withIdentity(deps)), this.#options, options);
  }

  #act<R extends AnyRecord>(
    work: (deps: Deps) => Promise<AsyncIterable<AnyRecord>>,
    options: LibraryOptions,
  ): Promise<Outcome<R>> {
    return act<R>((deps) => work(this.#withIdentity(deps)), this.#options, options);
  }

  #check<R extends AnyRecord>(
    work: (deps: Deps) => Promise<AsyncIterable<AnyRecord>>,
    options: LibraryOptions,
  ): Promise<Outcome<R>> {
    return check<R>((deps) => work(this.#withIdentity(deps)), this.#options, options);
  }
}

export const placeOf = (home: HomeOrPlace): ReturnType<typeof OpenHome.placeOf> =>
  typeof home === "string" ? { home } : OpenHome.placeOf(home);
