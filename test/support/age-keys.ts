// Key pairs for age, made anew for each test.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { tempDir } from "./temp.ts";

export interface AgeKey {
  /** The identity file, 0600. */
  readonly file: string;
  readonly recipient: string;
}

export async function ageKey(t: TestContext): Promise<AgeKey> {
  const identity = await generateX25519Identity();
  const file = join(tempDir(t, "key"), "identity");
  writeFileSync(file, `# a key of a test\n${identity}\n`, { mode: 0o600 });
  return { file, recipient: await identityToRecipient(identity) };
}
