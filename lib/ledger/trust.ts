// Whom the caller trusts: public keys, and a checkpoint that one of them signed.
import type { Verifier } from "../formats/seal/note-key.ts";
import { readAnchor, type Anchor } from "./anchor.ts";
import { readVerifiers } from "./keys.ts";

export interface TrustedKeys {
  readonly keys: readonly Verifier[];
  readonly anchor: Anchor | undefined;
}

/** Reads the key files, then the anchor, which counts only when one of the keys signed it. */
export function readTrustedKeys(keyFiles: readonly string[], anchor: string | undefined): TrustedKeys {
  const keys = keyFiles.flatMap((file) => readVerifiers(file));
  return { keys, anchor: anchor === undefined ? undefined : readAnchor(anchor, keys) };
}
