// agh-ledger checkpoint: one signed note over all seals of a home.
import { option } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import { Artefact, type Item } from "../../lib/records/record.ts";

export const checkpoint = verb({
  summary: "one signed note over all seals of a home, to be kept elsewhere",
  description:
    "A C2SP checkpoint with one line for each seal. Keep it where those who can write to the home cannot write: verify --anchor compares the home with it.",
  flags: { ...placeFlags, key: option<string>("Sign with the private key in FILE", { hint: "FILE" }) },
  examples: ["agh-ledger checkpoint --key /etc/agh/ledger.key > /mnt/elsewhere/agh.checkpoint"],
  prints: ["artefact"],
  run: async function* ({ values, deps }): AsyncGenerator<Item> {
    if (values.key === undefined)
      throw usageError("a checkpoint needs a private key: --key FILE", "agh-ledger keygen makes one");
    const { openLedgers } = await import("../../lib/ledger/open.ts");
    const { readSigner } = await import("../../lib/ledger/keys.ts");
    const { makeCheckpoint } = await import("../../lib/ledger/anchor.ts");
    const signer = readSigner(values.key);
    using opened = await openLedgers(values, deps);
    yield new Artefact(await makeCheckpoint(opened, signer, deps));
  },
});
