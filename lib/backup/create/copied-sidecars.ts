// What lies beside a database that was copied: its WAL, the index of that, a rollback journal. None has a line of its own.
import type { WalkEntry } from "../../files/walk.ts";
import type { DatabaseLine } from "../../formats/repository/listing.ts";
import type { Root } from "../../sources/source.ts";

export type SidecarKind = "wal" | "shm" | "journal";

/** How the database was copied that sidecars lie beside; `link`: SQLite looks for them elsewhere. */
type SidecarOwner = DatabaseLine["copied"] | "failed" | "link";

/** How those databases were copied that have sidecars, which the walk meets after them. */
export class CopiedSidecars {
  readonly #owners = new Map<string, SidecarOwner>();

  record(root: Root, { path, siblings }: WalkEntry, copied: SidecarOwner): void {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (SIDECARS.some((suffix) => siblings.includes(name + suffix))) this.#owners.set(keyOf(root, path), copied);
  }

  ownerOf(root: Root, main: string): SidecarOwner | undefined {
    return this.#owners.get(keyOf(root, main));
  }
}

/** Why a sidecar has no line of its own; "" where it is in that of its database. */
export function sidecarReason(kind: SidecarKind, copied: SidecarOwner): string {
  if (copied === "link") return BESIDE_LINK;
  if (copied === "failed") return "its database could not be copied";
  if (kind === "shm") return "an index of a WAL that SQLite makes anew";
  if (kind === "journal") return "a rollback journal: its database is stored as it was before the transaction";
  return WAL_REASONS[copied];
}

const BESIDE_LINK = "the database is a symbolic link: SQLite reads what lies beside the file that it leads to";

const SIDECARS = ["-wal", "-shm", "-journal"];
export const SIDECAR = /-(wal|shm|journal)$/;

/** Why the WAL of a copied database has no line of its own; "" where it is in that of the database. */
const WAL_REASONS: { readonly [copied in DatabaseLine["copied"]]: string } = {
  pair: "",
  online: "its rows are in the copy of its database",
  rewritten: "its rows are in the copy of its database",
  resting: "written after the cut",
};

const keyOf = (root: Root, path: string): string => `${root.name}\0${path}`;
