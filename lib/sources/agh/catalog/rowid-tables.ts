// The tables of agh.db whose rowids mean something to AGH, though none of their columns is one.

/**
 * By their key: `agh logs --after-seq` and notification cursors count event_summaries by rowid, the full-text indexes
 * of memory point to entries and chunks by it. SQLite may number such rows anew when it vacuums.
 */
export const BY_ROWID: { readonly [table: string]: readonly string[] } = {
  event_summaries: ["id"],
  memory_catalog_entries: ["id"],
  memory_chunks: ["id"],
};
