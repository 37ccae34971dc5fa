// Seals ledgers: a file beside each, so that whoever changes a line is found out.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { asOwner, foreignOwner } from "../files/as-owner.ts";
import { writeAtomic } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { sessionCheckpoint } from "../formats/seal/checkpoint.ts";
import type { Signer } from "../formats/seal/note-key.ts";
import { encodeSeal, isOwnNote, treeOfLines, type LineTree, type Seal } from "../formats/seal/seal.ts";
import { signNote, type SignedNote } from "../formats/seal/signed-note.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError } from "../records/error.ts";
import type { Finding } from "../records/result-kinds.ts";
import type { SealRecord } from "../records/toolkit-kinds.ts";
import type { Tally } from "../records/summary.ts";
import { splitLines, openLedger, readChunks } from "../sources/ledger-file.ts";
import type { Ledgers, SessionLedger } from "../sources/ledgers.ts";
import type { SessionFilter } from "../sources/source.ts";
import { findingOf, orFinding } from "./finding.ts";
import { assertWritable } from "./ledger-directory.ts";
import type { LedgerHome } from "./open.ts";
import { readSeal, sealPath } from "../formats/seal/seal-file.ts";
import { sealRecord } from "./seal-record.ts";

export interface SealLedgers {
  readonly sessions: SessionFilter;
  readonly dryRun: boolean;
  readonly signer: Signer | undefined;
}

/** `seal` records of what is sealed now, findings for what cannot be. */
export async function* sealLedgers(
  at: LedgerHome,
  options: SealLedgers,
  deps: Deps,
  tally: Tally,
): AsyncGenerator<SealRecord | Finding> {
  const { home, ledgers } = at;
  await assertWritable(home, ledgers, deps);
  const named = (options.sessions.ids?.length ?? 0) > 0;
  for await (const session of ledgers.sessions(home, options.sessions, deps)) {
    deps.signal.throwIfAborted();
    if (!session.hasLedger && !named) continue;
    const result = await orFinding(home, session.id, () => sealOne(at, session, options, deps));
    if (result.kind === "finding") tally.failed(EXIT.partial);
    else tally.done(result.bytes);
    yield result;
  }
}

function sealOne(
  { home, ledgers }: LedgerHome,
  session: SessionLedger,
  { signer, dryRun }: SealLedgers,
  deps: Deps,
): SealRecord | Finding {
  const { id, ledger, hasLedger } = session;
  if (!hasLedger) throw placeError("E_NO_LEDGER", `session ${id} has no ledger`, `agh-ledger write ${id}`);
  assertLedger(ledgers, ledger!, id);
  const path = sealPath(ledger!);
  const before = readSeal(path, id);
  if (before !== "none" && "problem" in before) {
    return findingOf(home, id, {
      code: "SEAL_DAMAGED",
      severity: "error",
      message: `${path}: ${before.problem}; the seal is kept`,
    });
  }
  const old = before === "none" ? undefined : before.seal;
  const tree = readTree(ledger!, deps, old?.lines);
  if (tree.open) throw placeError("E_LEDGER_CUT", `${ledger} ends in the middle of a line`, `agh-ledger compare ${id}`);
  if (old && tree.prefixRoot !== old.root) {
    const message = `${ledger} does not match its seal, which is kept; agh-ledger verify ${id} shows what was changed`;
    return findingOf(home, id, { code: "SEAL_BROKEN", severity: "error", message });
  }
  const seal = sealOf(id, tree, old, signer);
  const bytes = encodeSeal(seal);
  const isSame = before !== "none" && before.bytes.equals(bytes);
  if (!isSame && !dryRun) {
    const owner = statOwner(ledger!);
    asOwner(foreignOwner(home.root), () => writeAtomic(path, bytes, { mode: 0o444, owner }));
  }
  return sealRecord(home, path, seal, { state: isSame ? "equal" : dryRun ? "planned" : "written" });
}

/** Signatures of others stay as long as they are over this very tree. */
function sealOf(sessionId: string, tree: LineTree, old: Seal | undefined, signer: Signer | undefined): Seal {
  const kept = old?.note && old.lines === tree.lines && isOwnNote(old) ? old.note : undefined;
  const seal = { ...tree, sessionId };
  const text = sessionCheckpoint({ ...seal, size: tree.lines });
  const note: SignedNote | undefined = signer ? signNote(text, signer, kept?.signatures) : kept;
  return { ...seal, note };
}

function assertLedger(ledgers: Ledgers, path: string, id: string): void {
  using file = openLedger(path);
  const first = splitLines(readChunks(file, 1 << 16)).next();
  ledgers.assertHead(first.done ? undefined : first.value, path, id);
}

/** The tree over a ledger's lines, and over its first `prefix` lines. */
export function readTree(path: string, deps: Deps, prefix?: number): ReturnType<typeof treeOfLines> {
  using file = openLedger(path);
  let done = 0;
  return treeOfLines((into) => {
    deps.signal.throwIfAborted();
    deps.progress.update({ label: "reading ledgers", done, total: file.size, unit: "bytes" });
    const read = file.read(into);
    done += read;
    return read;
  }, prefix);
}

const statOwner = (ledger: string): { uid: number; gid: number } => statSync(osPath(dirname(ledger)));
