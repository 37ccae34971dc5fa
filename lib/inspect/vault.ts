// What the vault holds, never the secrets themselves.
import { existsSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import { vaultKeyFile } from "../sources/agh/home/layout.ts";
import { readSessions } from "../sources/agh/sessions/read-sessions.ts";
import { readVaultRefs } from "../sources/agh/catalog/vault.ts";
import { hasSelectors } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";

export interface VaultQuery {
  readonly sessions: SessionFilter;
  readonly namespaces: readonly string[];
  readonly limit: number | undefined;
}

/** `vault_ref` records, sorted by ref; those of the selected sessions when any selector is given. */
export const vault = detailVerb("vault_ref", async function* (home, query: VaultQuery, deps): AsyncGenerator<Item> {
  const refs = readCatalog(home.root, deps, readVaultRefs);
  const key_present = existsSync(osPath(vaultKeyFile(home.root)));
  const chosen = hasSelectors(query.sessions) ? new Set<string>() : undefined;
  if (chosen) for await (const { id } of readSessions(home, query.sessions, deps)) chosen.add(id);
  const selected = refs.filter(
    ({ namespace, session_id }) =>
      (query.namespaces.length === 0 || query.namespaces.includes(namespace)) &&
      (!chosen || chosen.has(session_id ?? "")),
  );
  for (const ref of selected.slice(0, query.limit)) {
    yield { kind: "vault_ref", runtime: home.runtime, home: home.place, ...ref, key_present };
  }
});
