// A seal as the record that verbs print.
import { hexOf } from "../formats/seal/merkle.ts";
import type { Seal } from "../formats/seal/seal.ts";
import type { NoteSignature } from "../formats/seal/signed-note.ts";
import type { SealRecord } from "../records/toolkit-kinds.ts";
import type { Home } from "../sources/source.ts";

type SealStatus = Partial<
  Pick<SealRecord, "state" | "status" | "trust" | "reason" | "first_bad_line" | "first_bad_block">
>;

export function sealRecord(
  { runtime, place }: Home,
  path: string | undefined,
  seal: Seal | string,
  found: SealStatus,
): SealRecord {
  const id = typeof seal === "string" ? seal : seal.sessionId;
  const { state, status, trust, reason, first_bad_line, first_bad_block } = found;
  const facts = {
    runtime,
    home: place,
    id,
    session_id: id,
    path,
    state,
    status,
    trust,
    reason,
    first_bad_line,
    first_bad_block,
  };
  if (typeof seal === "string") return { kind: "seal", ...facts };
  const { bytes, lines, root, note } = seal;
  return {
    kind: "seal",
    ...facts,
    bytes,
    lines,
    root: hexOf(root),
    signers: note?.signatures.map(signerName),
  };
}

export const signerName = ({ name, id }: Pick<NoteSignature, "name" | "id">): string => `${name}+${id}`;
