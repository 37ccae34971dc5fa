// What this program is: what package.json says of this version, and the command line that runs it.
import manifest from "../../package.json" with { type: "json" };

export const { version } = manifest;
/** The oldest Node that may run this; earlier ones carry SQLite's WAL-reset bug. */
export const oldestNode = manifest.engines.node.replace(/^>=/, "");

/** Node and the tool's file, both absolute: runs this very command again, without a shell or a search path. */
export const program = (): readonly string[] => [process.execPath, process.argv[1] ?? ""];
