// The authorizer of foreign databases: nothing but reading.
import { constants } from "node:sqlite";

const { SQLITE_OK, SQLITE_DENY } = constants;

const READING = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_RECURSIVE,
  constants.SQLITE_TRANSACTION,
]);

const BAD_FUNCTIONS = new Set(["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"]);

/** PRAGMAs that only tell; the argument of these names a table, an index or a limit. */
const WITH_ARGUMENT = new Set([
  "foreign_key_check",
  "foreign_key_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "integrity_check",
  "quick_check",
  "table_info",
  "table_list",
  "table_xinfo",
]);

/** PRAGMAs that only tell while they have no argument. */
const WITHOUT_ARGUMENT = new Set([
  "application_id",
  "auto_vacuum",
  "collation_list",
  "compile_options",
  "data_version",
  "database_list",
  "encoding",
  "freelist_count",
  "function_list",
  "journal_mode",
  "module_list",
  "page_count",
  "page_size",
  "query_only",
  "schema_version",
  "trusted_schema",
  "user_version",
]);

/** For DatabaseSync.setAuthorizer: allows SELECT and PRAGMAs that tell, denies everything else. */
export function allowReading(action: number, name: string | null, argument: string | null): number {
  if (READING.has(action)) return SQLITE_OK;
  if (action === constants.SQLITE_FUNCTION) return BAD_FUNCTIONS.has(argument ?? "") ? SQLITE_DENY : SQLITE_OK;
  if (action !== constants.SQLITE_PRAGMA) return SQLITE_DENY;
  const pragma = (name ?? "").toLowerCase();
  return WITH_ARGUMENT.has(pragma) || (argument === null && WITHOUT_ARGUMENT.has(pragma)) ? SQLITE_OK : SQLITE_DENY;
}
