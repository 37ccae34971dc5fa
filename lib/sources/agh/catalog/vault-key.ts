// Whether a home has secrets that nothing can decrypt.
import { existsSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import { readLastRow } from "../../../sqlite/read/last-row.ts";
import { withPages } from "../../../sqlite/read/pages.ts";
import { catalogFile, vaultKeyFile } from "../home/layout.ts";

/** True when the catalog has vault rows and there is no vault.key: AGH would make a new key, and they would be lost. */
export function lacksVaultKey(root: string): boolean {
  if (existsSync(osPath(vaultKeyFile(root)))) return false;
  return Boolean(withPages(catalogFile(root), (pages) => readLastRow(pages, "vault_secrets", "ref")));
}
