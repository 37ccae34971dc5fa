// The flags that say whom to trust.
import { option, repeated, type FlagValues } from "../../lib/cli/flags.ts";
import type { TrustedKeys } from "../../lib/ledger/anchor.ts";
import { usageError } from "../../lib/records/error.ts";

export const trustFlags = {
  pub: repeated("Public keys that are trusted (the .pub of keygen)", { hint: "FILE" }),
  anchor: option<string>("A checkpoint that was kept elsewhere; needs --pub", { hint: "CHECKPOINT" }),
};

export async function readTrust({ pub, anchor }: FlagValues<typeof trustFlags>): Promise<TrustedKeys> {
  if (anchor !== undefined && pub.length === 0) {
    throw usageError("--anchor requires the key that signed it: --pub FILE", "the public half of the key that made it");
  }
  const { readTrustedKeys } = await import("../../lib/ledger/anchor.ts");
  return readTrustedKeys(pub, anchor);
}
