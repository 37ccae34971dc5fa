// A signed repository of a test's own, and what an attacker does to its files.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { decodeSealed, encodeSealed } from "../../lib/formats/sealed-json.ts";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import { madeHome } from "../support/homes.ts";
import type { Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { bench, type Bench } from "./tool.ts";

export interface SignedBench extends Bench {
  readonly key: string;
  readonly home: string;
  /** Creates a snapshot with the key. */
  readonly make: () => Promise<string>;
}

export async function signedBench(t: TestContext, ...init: string[]): Promise<SignedBench> {
  const key = join(tempDir(t, "sign"), "owner.key");
  writeKeyPair(key, "owner");
  const repo = await bench(t, "--sign", key, ...init);
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  return { ...repo, key, home, make: async () => String((await repo.create(home, "--sign", key))["id"]) };
}

export const namesIn = (repo: string, folder: string): string[] =>
  existsSync(join(repo, folder)) ? readdirSync(join(repo, folder)).sort() : [];
export const errorCodes = (ran: Ran): unknown[] =>
  ran.records.filter(({ kind, severity }) => kind === "finding" && severity === "error").map(({ code }) => code);

/** Makes a manifest over with a valid digest. */
export function reseal(file: string, edit: (manifest: Record<string, unknown>) => object): void {
  const { digest: _, ...content } = decodeSealed(readFileSync(file))!;
  writeFileSync(file, encodeSealed(edit(content)).bytes);
}
