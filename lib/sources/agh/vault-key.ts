// Whether a home has secrets that nothing can decrypt.
import { existsSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { lastRow } from "../../sqlite/last-row.ts";
import { withPages } from "../../sqlite/pages.ts";
import { catalogFile, vaultKeyFile } from "./layout.ts";

/** True when the catalog has vault rows and there is no vault.key: AGH would make a new key, and they would be lost. */
export function lacksVaultKey(root: string): boolean {
  if (existsSync(osPath(vaultKeyFile(root)))) return false;
  return Boolean(withPages(catalogFile(root), (pages) => lastRow(pages, "vault_secrets", "ref")));
}
