// Checkpoints of a home: made over all its seals, and read back as what was kept elsewhere.
import { readFileSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import {
  homeCheckpoint,
  parseHomeCheckpoint,
  type HomeCheckpoint,
  type SealedTree,
} from "../formats/seal/checkpoint.ts";
import type { Signer, Verifier } from "../formats/seal/note-key.ts";
import { isOwnNote } from "../formats/seal/seal.ts";
import { encodeNote, parseNote, signNote, signedBy } from "../formats/seal/signed-note.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, placeError, refusal, ToolError } from "../records/error.ts";
import { readSeal, sealPath } from "../formats/seal/seal-file.ts";
import { readVerifiers } from "../formats/seal/key-files.ts";
import type { LedgerHome } from "./open.ts";

/** One signed note over every seal of the home, in order of session. Refuses (exit 4) while a seal is damaged. */
export async function makeCheckpoint({ home, ledgers }: LedgerHome, signer: Signer, deps: Deps): Promise<string> {
  const seals: SealedTree[] = [];
  for await (const { id, ledger } of ledgers.sessions(home, {}, deps)) {
    const read = ledger === undefined ? "none" : readSeal(sealPath(ledger), id);
    if (read === "none") continue;
    const problem =
      "problem" in read
        ? read.problem
        : read.seal.note && !isOwnNote(read.seal)
          ? "its note signs another tree"
          : undefined;
    if (problem !== undefined || !("seal" in read)) {
      throw refusal("E_SEAL_DAMAGED", `${sealPath(ledger!)}: ${problem}`, `agh-ledger verify ${id}`);
    }
    seals.push({ sessionId: id, size: read.seal.lines, root: read.seal.root });
  }
  return encodeNote(signNote(homeCheckpoint(home.id, seals), signer));
}

/** A checkpoint that a known key signed. */
export interface Anchor extends HomeCheckpoint {
  readonly note: string;
}

/** Whom the caller trusts: public keys, and a checkpoint that one of them signed. */
export interface TrustedKeys {
  readonly keys: readonly Verifier[];
  readonly anchor: Anchor | undefined;
}

/** Reads the key files, then the anchor, which counts only when one of the keys signed it. */
export function readTrustedKeys(keyFiles: readonly string[], anchor: string | undefined): TrustedKeys {
  const keys = keyFiles.flatMap((file) => readVerifiers(file));
  return { keys, anchor: anchor === undefined ? undefined : readAnchor(anchor, keys) };
}

/** Reads and verifies one. Throws (exit 6) E_BAD_CHECKPOINT; (exit 1) E_NOT_SIGNED when none of the keys signed it. */
function readAnchor(path: string, keys: readonly Verifier[]): Anchor {
  let bytes: Buffer;
  try {
    bytes = readFileSync(osPath(path));
  } catch (error) {
    throw toFileError(path, "read", error);
  }
  const anchor = parseAnchor(bytes, keys);
  if (typeof anchor !== "string") return anchor;
  if (anchor === "unsigned") {
    const hint = "name the public half of the key that made it: --pub FILE";
    throw new ToolError({
      code: "E_NOT_SIGNED",
      message: `${path} is not signed by any of the keys given`,
      hint,
      exit: EXIT.found,
    });
  }
  throw placeError("E_BAD_CHECKPOINT", `${path} is not a checkpoint of a home`, "agh-ledger checkpoint makes one");
}

export function parseAnchor(bytes: Buffer | string, keys: readonly Verifier[]): Anchor | "unsigned" | "malformed" {
  const note = parseNote(bytes);
  if (!note) return "malformed";
  const signatures = keys.map((key) => signedBy(note, key));
  if (!signatures.includes("yes") || signatures.includes("forged")) return "unsigned";
  const checkpoint = parseHomeCheckpoint(note.text);
  return checkpoint ? { ...checkpoint, note: bytes.toString() } : "malformed";
}
