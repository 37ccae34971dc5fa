// The flags that say whom to trust.
import { option, repeated, type Values } from "../../lib/cli/flags.ts";
import type { Trusted } from "../../lib/ledger/trust.ts";
import { usageError } from "../../lib/records/error.ts";

export const trustFlags = {
  pub: repeated("Public keys that are trusted (the .pub of keygen)", { hint: "FILE" }),
  anchor: option<string>("A checkpoint that was kept elsewhere; needs --pub", { hint: "CHECKPOINT" }),
};

export async function trusted({ pub, anchor }: Values<typeof trustFlags>): Promise<Trusted> {
  if (anchor !== undefined && pub.length === 0) {
    throw usageError("an anchor is worth its signature: --pub FILE", "the public half of the key that made it");
  }
  const { readTrusted } = await import("../../lib/ledger/trust.ts");
  return readTrusted(pub, anchor);
}
