// Key files of seals and checkpoints: read, and made.
import { writeAtomic } from "../files/atomic.ts";
import { isKeyName, newKeyPair } from "../formats/seal/note-key.ts";
import { usageError } from "../records/error.ts";

export { readSigner } from "../formats/seal/key-files.ts";

/** Makes FILE (0600) and FILE.pub (0644); neither may be there. */
export function writeKeyPair(path: string, name: string): { readonly verifier: string; readonly id: string } {
  if (!isKeyName(name))
    throw usageError(`'${name}' is not a valid key name`, "no white space and no '+': ops.example.com/ledger");
  const { secret, verifier, id } = newKeyPair(name);
  writeAtomic(path, `${secret}\n`, { mode: 0o600, exclusive: true });
  writeAtomic(`${path}.pub`, `${verifier}\n`, { mode: 0o644, exclusive: true });
  return { verifier, id };
}
