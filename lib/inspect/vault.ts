// What the vault holds, never the secrets themselves.
import { existsSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { vaultKeyFile } from "../sources/agh/layout.ts";
import { sessions } from "../sources/agh/sessions.ts";
import { vaultRefs } from "../sources/agh/vault.ts";
import { selects } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";

export interface VaultQuery {
  readonly sessions: SessionFilter;
  readonly namespaces: readonly string[];
  readonly limit: number | undefined;
}

/** `vault_ref` records, sorted by ref; those of the selected sessions when any selector is given. */
export const vault = atHome("vault_ref", async function* (home, query: VaultQuery, deps): AsyncGenerator<Item> {
  const refs = readCatalog(home.root, deps, vaultRefs);
  const key_present = existsSync(osPath(vaultKeyFile(home.root)));
  const chosen = selects(query.sessions) ? new Set<string>() : undefined;
  if (chosen) for await (const { id } of sessions(home, query.sessions, deps)) chosen.add(id);
  const wanted = refs.filter(
    ({ namespace, session_id }) =>
      (query.namespaces.length === 0 || query.namespaces.includes(namespace)) &&
      (!chosen || chosen.has(session_id ?? "")),
  );
  for (const ref of wanted.slice(0, query.limit)) {
    yield { kind: "vault_ref", runtime: home.runtime, home: home.place, ...ref, key_present };
  }
});
