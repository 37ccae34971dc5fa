// What package.json says of this version.
import manifest from "../../package.json" with { type: "json" };

export const { version } = manifest;
/** The oldest Node that may run this; earlier ones carry SQLite's WAL-reset bug. */
export const oldestNode = manifest.engines.node.replace(/^>=/, "");
