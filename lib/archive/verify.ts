// Reads archives whole and holds every byte and every event against the receipt.
import { bytesOf } from "../formats/receipt.ts";
import { ulid } from "../formats/ulid.ts";
import { inOrder } from "../policy/at-once.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { Finding } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Target } from "../targets/target.ts";
import { lacksReceipt } from "../places/by-hand.ts";
import { ArchiveTeam } from "./archive-team.ts";
import { heldIn, type Held, type Meant } from "./held.ts";
import { archiveRecord, byHandRecord } from "./records.ts";

/** Yields the `archive` of each that is sound, a `finding` for each that is not (1), and a `summary`. */
export async function* verifyArchives(meant: readonly Meant[], deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-archive verify", deps, ulid(deps.now()));
  for (const one of meant) {
    const { target, held } = await heldIn(one, deps);
    await using team = new ArchiveTeam(bytesIn(held), deps);
    let done = 0;
    for await (const record of inOrder(held, team.most, (it) => verify(target, it, { team, tally, deps }))) {
      yield record;
      deps.progress.update({ label: "archives verified", done: ++done, total: held.length, unit: "items" });
    }
  }
  yield tally.summary();
}

const bytesIn = (held: readonly Held[]): number =>
  held.reduce((sum, it) => sum + ("receipt" in it ? bytesOf(it.receipt) : 0), 0);

interface Check {
  readonly team: ArchiveTeam;
  readonly tally: Tally;
  readonly deps: Deps;
}

async function verify(target: Target, held: Held, { team, tally, deps }: Check): Promise<AnyRecord> {
  deps.signal.throwIfAborted();
  if ("trouble" in held) return fault(target, held.id, held.trouble, tally);
  if ("byHand" in held) {
    tally.done();
    return held.byHand.form === "tar" && lacksReceipt(held.byHand)
      ? unfinished(target, held.id)
      : byHandRecord(target, held.byHand);
  }
  try {
    await team.compare(target, held.receipt);
    tally.done(held.receipt.archive!.bytes);
    return archiveRecord(target.url, held.receipt);
  } catch (error) {
    if (!(error instanceof ToolError) || !OF_THE_ARCHIVE.test(error.code)) throw error;
    return fault(target, held.id, error, tally);
  }
}

/** What is wrong with the archive, as against a network or a disk. */
const OF_THE_ARCHIVE = /^E_(?:ARCHIVE_|HOSTILE_|CORRUPT|NOT_A_DATABASE|EMPTY_DATABASE|NO_DATABASE|FOREIGN_DATABASE)/;

function fault(target: Target, id: string, { code, message }: ToolError, tally: Tally): Finding {
  tally.failed(EXIT.found);
  return finding(target, id, { code: code.replace(/^E_/, ""), severity: "error", message });
}

const unfinished = (target: Target, id: string): Finding =>
  finding(target, id, {
    code: "RECEIPT_MISSING",
    severity: "warn",
    message: `${id} has no receipt in ${target.url}: put was killed, or somebody moved it here; put makes it good`,
  });

const finding = (target: Target, id: string, rest: Pick<Finding, "code" | "severity" | "message">): Finding => ({
  kind: "finding",
  runtime: "agh",
  home: `archive:${target.url}`,
  id,
  ...rest,
  evidence: { target: target.url },
});
