// How an AGDD project is as a whole.
import { statSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { walPath } from "../../../sqlite/sidecars.ts";
import type { Home, HomeState } from "../../source.ts";
import { settingsOf, storageFile } from "./layout.ts";

/** AGDD has no daemon whose life could be known, and its databases bear no version. */
export function state(home: Home, deps: Deps): HomeState {
  const { brand, settings } = settingsOf(home, deps);
  const file = storageFile(home, settings, brand);
  return { alive: null, version: null, catalog_bytes: bytesOf(file) + bytesOf(walPath(file)) };
}

const bytesOf = (file: string): number => statSync(osPath(file), { throwIfNoEntry: false })?.size ?? 0;
