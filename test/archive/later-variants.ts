// What may come after a session was archived, or be lost, and what a second put makes of it.
import fs from "node:fs";
import {
  type TestedRuntime,
  put,
  fileIn,
  sealOf,
  seal,
  write,
  dropLedger,
  dropSeal,
  sign,
  flip,
  cut,
  editReceipt,
  type LaterDeed,
} from "./later-world.ts";

export interface LaterVariant {
  readonly name: string;
  /** Before the first put, and between the two. */
  readonly first?: readonly LaterDeed[];
  readonly later: readonly LaterDeed[];
  readonly status: "added" | "unchanged" | "archived" | "skipped";
  readonly reason?: RegExp;
  /** Of `NAME.…` in the target in the end, but for archive and receipt; H is a piece of a digest. */
  readonly beside?: readonly string[];
  readonly runtimes?: readonly TestedRuntime[];
  readonly s3?: true;
  /** The archive is not sound in the end, and the session cannot come from it. */
  readonly unsound?: true;
  /** Ledger and seal are there when it came back; all that the home had unless given. */
  readonly back?: readonly string[];
}

export const ALL: readonly TestedRuntime[] = ["agh", "agsh", "agdd"];
export const BOTH = ["ledger.jsonl", "ledger.seal"];

export const VARIANTS: readonly LaterVariant[] = [
  {
    name: "a seal",
    first: [write],
    later: [seal],
    status: "added",
    beside: ["seal"],
    runtimes: ALL,
  },
  { name: "a signed seal", first: [write], later: [sign], status: "added", beside: ["seal"] },
  { name: "a ledger", first: [dropLedger], later: [write], status: "added", beside: ["ledger.zst"] },
  {
    name: "a ledger and its seal",
    first: [dropLedger],
    later: [write, seal],
    status: "added",
    beside: ["ledger.zst", "seal"],
    runtimes: ALL,
    s3: true,
  },
  {
    name: "a ledger, and its seal still later",
    first: [dropLedger],
    later: [write, put, seal],
    status: "added",
    beside: ["ledger.zst", "seal"],
  },
  { name: "nothing", first: [write, seal], later: [], status: "unchanged", beside: [] },
  {
    name: "nothing after a seal was added",
    first: [write],
    later: [seal, put],
    status: "unchanged",
    beside: ["seal"],
  },
  {
    name: "another seal in the place of the archived one",
    first: [write, seal],
    later: [sign],
    status: "skipped",
    reason: /ledger\.seal changed since/,
    beside: [],
    runtimes: ALL,
  },
  {
    name: "another seal in the place of an added one",
    first: [write],
    later: [seal, put, sign],
    status: "skipped",
    reason: /ledger\.seal changed since/,
    beside: ["seal"],
  },
  {
    name: "another ledger",
    later: [(w) => fs.chmodSync(w.ledger, 0o600), (w) => fs.appendFileSync(w.ledger, "{}\n")],
    status: "skipped",
    reason: /ledger\.jsonl changed since/,
    beside: [],
  },
  {
    name: "fewer parts: the seal is gone from the home",
    first: [write, seal],
    later: [dropSeal],
    status: "unchanged",
    beside: [],
    back: BOTH,
  },
  {
    name: "fewer parts: ledger and an added seal are gone from the home",
    first: [write],
    later: [seal, put, dropLedger],
    status: "unchanged",
    beside: ["seal"],
    back: BOTH,
    s3: true,
  },
  {
    name: "a seal of a session that went on",
    first: [write],
    later: [seal, (w) => w.goOn()],
    status: "skipped",
    reason: /(?:meta\.json|rows\.jsonl) changed since/,
    beside: [],
    runtimes: ALL,
  },
  {
    name: "a seal, and the archive was cut: all of it is archived anew",
    first: [write],
    later: [seal, (w) => cut(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst"],
    s3: true,
  },
  {
    name: "the archive was lost",
    later: [(w) => fs.rmSync(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: [],
  },
  {
    name: "a seal, and a bit of the archive was flipped: reading it back shows it",
    first: [write],
    later: [seal, (w) => flip(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst"],
  },
  {
    name: "an added seal was cut: it is added again",
    first: [write],
    later: [seal, put, (w) => cut(fileIn(w, "seal"))],
    status: "added",
    beside: ["H.seal", "seal"],
  },
  {
    name: "an added seal was lost: it is added again",
    first: [write],
    later: [seal, put, (w) => fs.rmSync(fileIn(w, "seal"))],
    status: "added",
    beside: ["seal"],
  },
  {
    name: "an added seal was lost in both places",
    first: [write],
    later: [seal, put, (w) => fs.rmSync(fileIn(w, "seal")), dropSeal],
    status: "skipped",
    reason: /does not match its receipt/,
    beside: [],
    unsound: true,
  },
  {
    name: "an added ledger stays when the archive is made anew of less",
    first: [dropLedger],
    later: [write, put, dropLedger, (w) => cut(fileIn(w, "tar.zst"))],
    status: "archived",
    beside: ["H.tar.zst", "ledger.zst"],
    back: ["ledger.jsonl"],
  },
  {
    name: "a killed run left another seal there",
    first: [write],
    later: [seal, (w) => fs.writeFileSync(fileIn(w, "seal"), "another\n")],
    status: "added",
    beside: ["H.seal", "seal"],
  },
  {
    name: "a killed run left this very seal there",
    first: [write],
    later: [seal, (w) => fs.copyFileSync(sealOf(w), fileIn(w, "seal"))],
    status: "added",
    beside: ["seal"],
  },
  {
    name: "other times and modes alone",
    first: [write, seal],
    later: [(w) => fs.chmodSync(sealOf(w), 0o600), (w) => fs.utimesSync(sealOf(w), 1, 1)],
    status: "unchanged",
    beside: [],
  },
  {
    name: "a receipt of a newer version",
    first: [write],
    later: [seal, (w) => editReceipt(w, (receipt) => (receipt["format"] = 3))],
    status: "skipped",
    reason: /newer version of agh-toolkit: install a newer/,
    beside: [],
    unsound: true,
  },
  {
    name: "a receipt that names a file of somebody else's",
    first: [write],
    later: [
      seal,
      put,
      (w) => editReceipt(w, ({ later }) => ((later as Record<string, unknown>[])[0]!["key"] = "../../etc/passwd")),
    ],
    status: "skipped",
    reason: /is not a valid receipt/,
    beside: ["seal"],
    unsound: true,
  },
];
