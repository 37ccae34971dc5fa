// Where AGDD and MAGSAG keep things: a project directory with `.agdd/` (or `.magsag/`) and `.runs/`.
import { existsSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { placeError, refusal, ToolError } from "../../../records/error.ts";
import { noDatabase } from "../../../sqlite/errors.ts";
import type { Home } from "../../source.ts";
import { readSettings, type Brand, type Settings } from "./settings.ts";

export const STORAGE = "storage.db";
/** MAGSAG is what AGDD became: where both have left a database, the newer one counts. */
export const BRANDS: readonly Brand[] = ["magsag", "agdd"];
const DIRECTORY: { readonly [brand in Brand]: string } = { agdd: ".agdd", magsag: ".magsag" };

/** Legacy runs, one directory each. */
export const AGENTS = ".runs/agents";

/** The cost ledger, newest layout first. AGDD's documentation and its code name different places. */
export const COST_LEDGERS = [
  ".runs/costs/costs.jsonl",
  ".runs/costs.jsonl",
  ".agdd/costs.jsonl",
  ".magsag/costs.jsonl",
];
export const COST_DATABASES = [".runs/costs.db", ".runs/costs/costs.db", ".agdd/costs.db", ".magsag/costs.db"];

/** The project directory that a path names: itself, or the parent of its `.agdd`, `.magsag` or `.runs`, or of a storage.db in one. */
export function projectOf(path: string): string {
  const dir = basename(path) === STORAGE ? dirname(path) : path;
  return [...Object.values(DIRECTORY), ".runs"].includes(basename(dir)) ? dirname(dir) : dir;
}

/** Whether a directory bears AGDD's markers. */
export const isProject = (root: string): boolean =>
  usualStorage(root) !== undefined ||
  [AGENTS, ...Object.values(DIRECTORY)].some((path) => isDirectory(joinPath(root, path))) ||
  [...COST_LEDGERS, ...COST_DATABASES].some((path) => existsSync(osPath(joinPath(root, path)))) ||
  namedStorage(root) !== undefined;

/** A project whose database lies elsewhere is known by what its `.env` says. */
function namedStorage(root: string): string | undefined {
  for (const brand of BRANDS) {
    const settings = attempt(() => readSettings(root, brand, { env: {}, live: false }));
    if (settings && settings.backend !== "sqlite") return settings.backend;
    if (settings?.dbPath !== undefined) return settings.dbPath;
  }
  return undefined;
}

/** A `.env` that cannot be read says nothing about a directory of another runtime; who needs its settings is told. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ToolError || (error as NodeJS.ErrnoException).syscall !== undefined) return undefined;
    throw error;
  }
}

/** The storage database where it usually lies, relative to the project. */
export const usualStorage = (root: string): string | undefined =>
  [...BRANDS.map((brand) => `${DIRECTORY[brand]}/${STORAGE}`), STORAGE].find((path) =>
    existsSync(osPath(joinPath(root, path))),
  );

/** Whose database is there, else whose directory. */
export function brandOf(root: string): Brand {
  const holds = (brand: Brand, name: string): boolean => existsSync(osPath(joinPath(root, DIRECTORY[brand] + name)));
  return BRANDS.find((brand) => holds(brand, `/${STORAGE}`)) ?? BRANDS.find((brand) => holds(brand, "")) ?? "agdd";
}

/** The database that is not read because the newer program has one as well. */
export const olderStorage = (root: string): string | undefined =>
  BRANDS.map((brand) => `${DIRECTORY[brand]}/${STORAGE}`).filter((path) => existsSync(osPath(joinPath(root, path))))[1];

export interface Storage {
  /** Absolute. */
  readonly file: string;
  readonly exists: boolean;
  readonly brand: Brand;
  readonly settings: Settings;
}

/** The storage database that AGDD would open here. Refuses (4) where its settings name a server. */
export function storageOf(home: Home, { env }: Pick<Deps, "env">): Storage {
  const { brand, settings } = settingsOf(home, { env });
  assertSqlite(home, settings, brand);
  const file = storageFile(home, settings, brand);
  return { file, exists: existsSync(osPath(file)), brand, settings };
}

/** Throws E_NO_DATABASE (6) where AGDD would make an empty one; a project of legacy runs or of costs alone needs none. */
export function assertThere({ root }: Home, { file, exists, settings }: Storage, legacyRuns: number): void {
  const isNeeded =
    settings.dbPath !== undefined || Object.values(DIRECTORY).some((dir) => isDirectory(joinPath(root, dir)));
  if (!exists && legacyRuns === 0 && isNeeded) throw noDatabase(file);
}

export function settingsOf({ root, live }: Home, { env }: Pick<Deps, "env">): { brand: Brand; settings: Settings } {
  const brand = brandOf(root);
  return { brand, settings: readSettings(root, brand, { env, live }) };
}

export function storageFile({ root, live }: Home, { dbPath }: Settings, brand: Brand): string {
  if (dbPath !== undefined && dbPath !== "") {
    const named = isAbsolute(dbPath) ? dbPath : resolve(root, dbPath);
    if (live) return named;
    const copied = joinPath(root, `${OUTSIDE}/${basename(dbPath)}`);
    if (existsSync(osPath(copied))) return copied;
    if (!isAbsolute(dbPath)) return named;
  }
  return joinPath(root, usualStorage(root) ?? `${DIRECTORY[brand]}/${STORAGE}`);
}

/** Where a restored home has what lay outside it. */
const OUTSIDE = ".agh-toolkit/outside/storage";

function assertSqlite({ place }: Home, { backend }: Settings, brand: Brand): void {
  if (backend === "sqlite") return;
  const name = `${brand.toUpperCase()}_STORAGE_BACKEND`;
  if (SERVERS.has(backend)) {
    throw refusal(
      "E_SERVER_STORAGE",
      `the runs of ${place} are in the ${backend} server that ${brand.toUpperCase()}_STORAGE_DSN names, not in a file`,
      `psql reads it; ${name}=sqlite before the command reads the files that are here`,
    );
  }
  throw placeError(
    "E_UNKNOWN_BACKEND",
    `${place}: ${name} is '${backend}', which AGDD does not support`,
    `${name}=sqlite`,
  );
}

const SERVERS: ReadonlySet<string> = new Set(["postgres", "postgresql", "timescale", "timescaledb"]);

function isDirectory(path: string): boolean {
  return statSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;
}
