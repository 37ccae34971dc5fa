// duckdb-copy LINES TO: event records from JSON Lines into the columns and partitions of agh-archive export, by DuckDB alone.
import { DuckDBInstance } from "@duckdb/node-api";

const [lines, to] = process.argv.slice(2).map((path) => `'${path.replaceAll("'", "''")}'`);
const db = await (await DuckDBInstance.create()).connect();
const columns = Object.entries({
  kind: "VARCHAR",
  runtime: "VARCHAR",
  home: "VARCHAR",
  id: "VARCHAR",
  session_id: "VARCHAR",
  sequence: "BIGINT",
  turn_id: "VARCHAR",
  type: "VARCHAR",
  agent_name: "VARCHAR",
  content: "JSON",
  timestamp: "TIMESTAMP",
});
const typed = columns.map(([name, type]) => `${name}: '${type}'`).join(", ");
const usage = ["InputTokens", "OutputTokens", "TotalTokens", "ThoughtTokens", "CacheReadTokens", "CacheWriteTokens"]
  .map((name) => `(content ->> '$.usage.${name}')::BIGINT AS ${name}`)
  .join(", ");
await db.run(`COPY (
    SELECT runtime, strftime(timestamp, '%Y-%m-%d') AS day, session_id, sequence, id AS event_id, turn_id, type,
      agent_name AS agent, timestamp AS ts, content ->> '$.tool_name' AS tool_name,
      content ->> '$.tool_call_id' AS tool_call_id, ${usage}, (content ->> '$.usage.CostAmount')::DOUBLE AS cost,
      content ->> '$.usage.CostCurrency' AS currency, content
    FROM read_json(${lines}, format = 'newline_delimited', columns = {${typed}})
  ) TO ${to} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (runtime, day))`);
