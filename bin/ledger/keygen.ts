// agh-ledger keygen: a key pair for seals and checkpoints.
import { operand, option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { Artefact, type Item } from "../../lib/records/record.ts";

export const keygen = verb({
  summary: "a key pair: FILE (0600) and FILE.pub",
  description:
    "Ed25519, as C2SP signed notes have them. Keep FILE where those who can write to the home cannot read it: on the machine that collects checkpoints, or offline. Give FILE.pub to everybody who verifies. Prints the public key.",
  flags: {
    file: operand("FILE", "The private key's file; it must not exist"),
    name: option<string>("The key's name; an address without scheme is best", { hint: "NAME" }),
  },
  examples: ["agh-ledger keygen /etc/agh/ledger.key --name ops.example.com/agh-ledger"],
  prints: ["artefact"],
  run: async function* ({ values, deps }): AsyncGenerator<Item> {
    const { writeKeyPair: makeKeyPair } = await import("../../lib/ledger/keys.ts");
    const { verifier } = makeKeyPair(values.file, values.name ?? "agh-ledger");
    deps.log.info(
      `keep ${values.file} away from the home it will sign for; give ${values.file}.pub to those who verify`,
    );
    yield new Artefact(`${verifier}\n`);
  },
});
