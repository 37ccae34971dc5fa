// Who has written a repository, where its signatures are checked: which keys count, what they have signed, and the log.
import { hash } from "node:crypto";
import { refusal, ToolError } from "../../../records/error.ts";
import { hexOf } from "../../seal/merkle.ts";
import type { Signer, Verifier } from "../../seal/note-key.ts";
import { encodeNote, signNote } from "../../seal/signed-note.ts";
import { isUlid, ulidTime } from "../../ulid.ts";
import type { Target } from "../../../targets/target.ts";
import { headKey, nameIn, signatureKey, snapshotKey, SNAPSHOTS } from "../layout.ts";
import type { LocalStateFile } from "../local-state.ts";
import { encodeHead, fromHex, HeadLog, parseHead, type HeadLeaf, type HeadState } from "./head-log.ts";
import {
  another,
  followHeads,
  readAllHeads,
  rolledBack,
  type HeadFault,
  type HeadSource,
  type SeenHead,
} from "./read-heads.ts";
import { readSignature, type SignatureState } from "./signatures.ts";

export interface AuthorshipOptions extends HeadSource {
  readonly localState: LocalStateFile | undefined;
  /** Where the keys come from, in words. */
  readonly basis: string;
  /** A head that was kept elsewhere. */
  readonly anchor?: SeenHead | undefined;
}

export class Authorship {
  readonly basis: string;
  readonly #source: HeadSource;
  readonly #localState: LocalStateFile | undefined;
  readonly #anchor: SeenHead | undefined;
  #log: Promise<HeadLog> | undefined;

  constructor({ localState, basis, anchor, ...source }: AuthorshipOptions) {
    this.#source = source;
    this.#localState = localState;
    this.#anchor = anchor;
    this.basis = basis;
  }

  get #target(): Target {
    return this.#source.target;
  }

  get verifiers(): readonly Verifier[] {
    return this.#source.verifiers;
  }

  /** What an object's signature says of these bytes. */
  signatureOf(key: string, bytes: Uint8Array): Promise<SignatureState> {
    return readSignature({ ...this.#source, key, bytes });
  }

  /** Throws E_SNAPSHOT_UNSIGNED or E_SNAPSHOT_FORGED (4). */
  async assertManifest(id: string, bytes: Uint8Array): Promise<void> {
    const state = await this.signatureOf(snapshotKey(id), bytes);
    if (state !== "signed") throw this.#refuse(`E_SNAPSHOT_${state.toUpperCase()}`, `snapshot ${id} is ${state}`);
  }

  /** The log as it is now. One that was rolled back or cannot be followed is refused (4). */
  log(): Promise<HeadLog> {
    return (this.#log ??= this.#readLog());
  }

  /** Ids of snapshots that were added and not pruned, and are not among these. */
  async vanishedFrom(ids: Iterable<string>): Promise<readonly string[]> {
    const present = new Set(ids);
    const absent = [...(await this.log()).live.keys()].filter((id) => !present.has(id));
    // What is pruned at this moment leaves the log first: it is looked at again before that is an alarm.
    return absent.length === 0 ? [] : await this.#stillAbsent(absent);
  }

  vanished(id: string): ToolError {
    return this.#refuse("E_SNAPSHOT_VANISHED", `snapshot ${id} was added, was never pruned, and is missing`);
  }

  /** Throws E_SNAPSHOT_REPLAYED (4) for a snapshot that was pruned and is there. */
  async assertNotPruned(id: string): Promise<void> {
    if (!(await this.isPruned(id)) || !(await this.#target.head(snapshotKey(id)))) return;
    throw this.#refuse(
      "E_SNAPSHOT_REPLAYED",
      `snapshot ${id} was pruned, and is there: a prune was killed, or somebody put it back`,
      `agh-backup prune --apply --repo ${this.#target.url} removes it`,
    );
  }

  async isPruned(id: string): Promise<boolean> {
    const log = await this.log();
    if (log.live.has(id)) return false;
    if (!log.isWhole) this.#log = this.#readWhole();
    return (await this.log()).pruned.has(id);
  }

  /** The whole log and all that is wrong with it, and with what this machine and the anchor have seen. */
  async readFaults(): Promise<{ readonly log: HeadLog; readonly faults: readonly HeadFault[] }> {
    const state = this.#seenState();
    const seen = [...(state ? [seenHere(state)] : []), ...(this.#anchor ? [this.#anchor] : [])];
    const read = await readAllHeads(this.#source, seen);
    if (read.faults.length === 0) await this.#remember(read.log);
    return read;
  }

  /** The log as it is now, whatever was seen of it before: that is forgotten. */
  async acceptLog(): Promise<{ readonly log: HeadLog; readonly faults: readonly HeadFault[] }> {
    const { log, faults } = await readAllHeads(this.#source);
    const isSound = faults.length === 0 && log.count > 0;
    const head = isSound ? log.toState(this.#keys[0]!) : undefined;
    await this.#localState?.update(({ head: _forgotten, ...state }) => (head ? { ...state, head } : state));
    this.#log = Promise.resolve(log);
    return { log, faults };
  }

  /** The newest head that is there. */
  async newestHead(): Promise<Buffer | undefined> {
    const { count } = await this.log();
    return count === 0 ? undefined : this.#target.get(headKey(count));
  }

  /** Adds a leaf unless `isDone` says that the log needs it no more. */
  async append(leaf: HeadLeaf, signer: Signer, isDone: (log: HeadLog) => boolean): Promise<void> {
    const log = await this.log();
    while (!isDone(log)) {
      const head = log.next(leaf);
      const note = encodeNote(signNote(encodeHead(this.#source.repositoryId, head), signer));
      try {
        await this.#target.put(headKey(head.count), Buffer.from(note), { exclusive: true });
        log.push(head);
      } catch (error) {
        if (!(error instanceof ToolError) || error.code !== "E_EXISTS") throw error;
        this.#assertSound(await followHeads(this.#source, log)); // another run was first
      }
    }
    await this.#remember(log);
  }

  /** The log learns of every signed snapshot that is there: of a new one, and of those whose create was killed before. */
  async logSnapshots(signer: Signer, created?: string): Promise<void> {
    const log = await this.log();
    for await (const { key } of this.#target.list(SNAPSHOTS)) {
      const id = nameIn(key);
      if (!isUlid(id) || log.live.has(id) || (id !== created && (await this.isPruned(id)))) continue;
      const bytes = await this.#target.get(key);
      if (!bytes || (await this.signatureOf(key, bytes)) !== "signed") continue;
      const leaf: HeadLeaf = { change: "added", id, digest: hash("sha256", bytes) };
      await this.append(leaf, signer, (now) => now.live.has(id) || now.pruned.has(id));
    }
  }

  /** Keys of what a killed prune, or a killed create, has left of snapshots that are none. */
  async leftovers(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.#target.list(SNAPSHOTS)) keys.push(key);
    const manifests = new Set(keys.filter((key) => isUlid(nameIn(key))));
    const left: string[] = [];
    for (const key of manifests) if (await this.isPruned(nameIn(key))) left.push(key, signatureKey(key));
    const signatures = new Set([...manifests].map(signatureKey));
    return [...left, ...keys.filter((key) => isAbandonedSignature(key) && !signatures.has(key))];
  }

  /** Before a snapshot is removed: who reads the log knows then that it was meant. */
  async logRemoval(id: string, signer: Signer): Promise<void> {
    const digest = (await this.log()).live.get(id);
    if (digest !== undefined) await this.append({ change: "pruned", id, digest }, signer, (log) => !log.live.has(id));
  }

  async #readLog(): Promise<HeadLog> {
    const state = this.#anchor ? undefined : this.#seenState();
    if (!state) return await this.#readWhole();
    const log = new HeadLog(state);
    const seen = seenHere(state);
    const bytes = await this.#target.get(headKey(state.count));
    if (!bytes) this.#assertSound(rolledBack(seen, (await readAllHeads(this.#source)).log.count));
    else if (!this.#isHead(bytes, state)) this.#assertSound(another(seen));
    this.#assertSound(await followHeads(this.#source, log));
    await this.#remember(log);
    return log;
  }

  async #readWhole(): Promise<HeadLog> {
    const { log, faults } = await this.readFaults();
    this.#assertSound(faults[0]);
    return log;
  }

  #isHead(bytes: Buffer, { count, root }: HeadState): boolean {
    const head = parseHead(bytes, this.#source.repositoryId, this.verifiers);
    return head?.count === count && hexOf(head.root) === root;
  }

  #assertSound(fault: HeadFault | undefined): void {
    if (!fault) return;
    const { code, key, message } = fault;
    const { url } = this.#target;
    throw refusal(
      `E_${code}`,
      `${url}/${key} ${message}`,
      `agh-backup verify --all --repo ${url} says what is there; agh-backup trust accepts it`,
    );
  }

  async #stillAbsent(ids: readonly string[]): Promise<string[]> {
    const log = await this.log();
    this.#assertSound(await followHeads(this.#source, log));
    const absent: string[] = [];
    for (const id of ids) if (log.live.has(id) && !(await this.#target.head(snapshotKey(id)))) absent.push(id);
    return absent;
  }

  /** Only what was seen of this key's log. */
  #seenState(): HeadState | undefined {
    const state = this.#localState?.read().head;
    return state && state.count > 0 && this.#keys.includes(state.key) ? state : undefined;
  }

  async #remember(log: HeadLog): Promise<void> {
    if (log.count === 0) return;
    const known = this.#seenState();
    if (known && known.count >= log.count) return;
    await this.#localState?.update((state) =>
      state.head && this.#keys.includes(state.head.key) && state.head.count >= log.count
        ? state
        : { ...state, head: log.toState(this.#keys[0]!) },
    );
  }

  get #keys(): readonly string[] {
    return this.verifiers.map(({ name, id }) => `${name}+${id}`);
  }

  #refuse(code: string, message: string, hint?: string): ToolError {
    const { url } = this.#target;
    return refusal(code as `E_${string}`, `${url}: ${message}`, hint ?? `agh-backup verify --all --repo ${url}`);
  }
}

const ABANDONED_MS = 24 * 3_600_000;

/** A create that is under way puts its signature first. */
function isAbandonedSignature(key: string): boolean {
  const [, id] = /^snapshots\/(\w+)\.sig$/.exec(key) ?? [];
  return id !== undefined && isUlid(id) && Date.now() - ulidTime(id).getTime() > ABANDONED_MS;
}

const seenHere = ({ count, root }: HeadState): SeenHead => ({
  count,
  root: fromHex(root),
  witness: "this machine",
});
