// Custody of AGH's sessions: a directory, a ledger, crash bundles that stay, and catalog rows that stay.
import { mkdirSync } from "node:fs";
import { createCollector } from "../../../files/memory.ts";
import { osPath } from "../../../files/os-path.ts";
import { PARTS } from "../../../formats/archive/receipt.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { makeDatabase } from "../../../sqlite/change/change-database.ts";
import type { Custody, FoundEvents, HomeCustody, LocalSession, SessionParts } from "../../custody.ts";
import type { Home } from "../../source.ts";
import { lacksVaultKey } from "../catalog/vault-key.ts";
import { digestEvents, type EventDigest } from "../events/event-digest.ts";
import { assertEventsShape, readCatalog, readEvents } from "../home/databases.ts";
import { catalogFile, EVENTS, sessionsDir } from "../home/layout.ts";
import { manual } from "./adopt.ts";
import { compareEveryRow, compareIndexed } from "./compare-rows.ts";
import { insertStagedRows } from "./insert-rows.ts";
import { fillCatalog } from "./scratch-catalog.ts";
import { exclusionOf, SessionHome } from "./session-home.ts";
import { readSessionRows } from "./session-rows.ts";

class AghCustody implements HomeCustody {
  readonly #from: SessionHome;
  readonly #deps: Deps;
  #collect: ReturnType<typeof createCollector> | undefined;

  constructor(from: SessionHome, deps: Deps) {
    this.#from = from;
    this.#deps = deps;
  }

  get home(): Home {
    return this.#from.home;
  }

  reasonAgainst(session: SessionRecord): string | undefined {
    return this.#from.reasonAgainst(session);
  }

  inspect(session: SessionRecord): LocalSession | undefined {
    return this.#from.inspect(session);
  }

  rows(ids: readonly string[]): ReturnType<HomeCustody["rows"]> {
    return readCatalog(this.home.root, this.#deps, (db) => readSessionRows(db, ids));
  }

  events({ trees }: LocalSession): Promise<FoundEvents> {
    const { dir } = trees.find(({ part }) => part === PARTS.session)!;
    const made = (this.#collect ??= createCollector());
    return findEvents(async () => readEvents(dir, this.#deps, (db) => digestEvents(db, made)));
  }

  exclusionOf(path: string): string | undefined {
    return exclusionOf(path);
  }

  trees(...of: Parameters<HomeCustody["trees"]>): ReturnType<HomeCustody["trees"]> {
    return this.#from.trees(...of);
  }

  compareRows(
    sessions: readonly SessionParts[],
    { thorough = false }: { readonly thorough?: boolean } = {},
  ): ReturnType<HomeCustody["compareRows"]> {
    return (thorough ? compareEveryRow : compareIndexed)(this.home, sessions, this.#deps);
  }
}

/** A database that cannot be read is archived as it lies, and marked. */
async function findEvents(read: () => Promise<EventDigest>): Promise<FoundEvents> {
  try {
    return { events: await read() };
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place || !DAMAGE.has(error.code)) throw error;
    return { events: null, damaged: error.code };
  }
}

const NO_DATABASE = "E_NO_DATABASE";
const DAMAGE: ReadonlySet<string> = new Set([
  NO_DATABASE,
  "E_EMPTY_DATABASE",
  "E_NOT_A_DATABASE",
  "E_CORRUPT",
  "E_FOREIGN_DATABASE",
]);

const DATABASE = `${PARTS.session}/${EVENTS}`;

async function events(parts: SessionParts, made = createCollector()): Promise<FoundEvents> {
  if (!parts.files.some(({ path }) => path === DATABASE)) return { events: null, damaged: NO_DATABASE };
  return findEvents(() =>
    parts.database(DATABASE, (db) => {
      assertEventsShape(DATABASE, db);
      return digestEvents(db, made);
    }),
  );
}

export const custody: Custody = {
  open: async (home, deps) => new AghCustody(await SessionHome.open(home, deps), deps),
  events,
  rowExecutor: ({ root }) => ({ insert: (files, ownHome) => insertStagedRows(root, files, ownHome) }),
  extractRows: (root, rows) => {
    mkdirSync(osPath(sessionsDir(root)), { recursive: true, mode: 0o700 });
    makeDatabase(catalogFile(root), (db) => fillCatalog(db, rows));
  },
  manual,
  restored: (_, root) =>
    lacksVaultKey(root)
      ? [
          {
            code: "VAULT_KEY_MISSING",
            severity: "warn",
            message:
              "the vault holds secrets but its key is not in the snapshot: AGH would create a new key and could not read them",
            evidence: { missing: "vault.key", hint: "put vault.key (0600) back before AGH starts" },
          },
        ]
      : [],
};
