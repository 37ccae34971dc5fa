// The programmatic API: everything that is public, and nothing else. docs/api.md describes it.
export { openHome, type OpenHome } from "./library/home.ts";
export type {
  ChangeOptions,
  HomeCheck,
  EventsOptions,
  LedgerOptions,
  OpenHomeOptions,
  HomePlan,
  SealOptions,
  SearchOptions,
  UndoOptions,
  UsageOptions,
  VerifyLedgersOptions,
} from "./library/home-options.ts";
export { listSessions, readEvents, search, usage } from "./library/read.ts";
export {
  createRepository,
  openRepository,
  type CreateRepositoryOptions,
  type CreateSnapshotOptions,
  type DrillOptions,
  type HomeOrPlace,
  type OpenRepository,
  type OpenRepositoryOptions,
  type RestoreIntoOptions,
  type RestoreToOptions,
  type SnapshotSelection,
  type VerifyOptions,
} from "./library/repository.ts";
export { createLedgerKey, type LedgerKey } from "./library/ledgers.ts";
export { openArchive, type OpenArchive, type PutOptions } from "./library/archive.ts";
export type { LibraryOptions } from "./library/options.ts";
export { IncompleteError, recordsOf, type Outcome } from "./library/outcome.ts";

export { EXIT, ToolError, type Exit } from "./records/error.ts";
export type { Deps, Log, Progress } from "./records/deps.ts";
export { Block, records, type AnyRecord } from "./records/record.ts";
export type * from "./records/runtime-kinds.ts";
export type * from "./records/archive-kind.ts";
export type * from "./records/toolkit-kinds.ts";
export type * from "./records/result-kinds.ts";
export { recordKinds, recordSchema } from "./library/schema.ts";

export { registerSource, runtimeNames, type KnownRuntime, type Runtime, type RuntimeName } from "./sources/runtimes.ts";
export type * from "./sources/source.ts";
export type * from "./sources/custody.ts";
export type * from "./sources/repair.ts";
export type * from "./sources/database-check.ts";
export type * from "./sources/upkeep.ts";
export type * from "./sources/event-columns.ts";
export type { EventFacts, ReceiptFile } from "./formats/archive/receipt.ts";
export type { ArchivedRow, RowsFile, SqlValue } from "./formats/archive/rows.ts";
export type { Inserted, RemovedRows, RowExecutor } from "./journal/journal-home.ts";
export type { RowChange, Step } from "./journal/steps.ts";
export type * from "./sources/ledgers.ts";
// For whoever writes a source.
export { eventLedgers, ledgerDirOf, withLedgers } from "./sources/event-ledger.ts";
export { selectEvents } from "./sources/read-events.ts";
export { selectSessions } from "./sources/selection.ts";
export { fingerprintOf, freedBytes, listOwnPaths, movablePaths } from "./sources/own-trees.ts";
export { eventsAmong, groupRows, RowCustody, type RowAccess, type RowWeight } from "./sources/row-custody.ts";
export {
  insertRows,
  makeRowDatabase,
  readOwnedRows,
  sessionRows,
  type OwnedTable,
  type Timeline,
} from "./sources/owned-rows.ts";
export { readStagedRows } from "./formats/archive/staged-rows.ts";
export { tableRecords } from "./sources/tables.ts";
export type { HomeCut } from "./sources/home-cut.ts";
export { changeDatabase } from "./sqlite/change/change-database.ts";
export { noteCut } from "./sqlite/copy/cut.ts";
export { readDatabase } from "./sqlite/read/read-database.ts";
export { registerTarget, type Range, type Stage, type StagedFile, type Target } from "./targets/target.ts";
export { temporaryStage } from "./targets/temporary-stage.ts";
