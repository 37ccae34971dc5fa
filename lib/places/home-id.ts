// The id of a home, which tells homes of the same runtime apart.
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { identityOfHome } from "../journal/identity.ts";

/** First 16 hex digits of SHA-256(runtime NUL hostname NUL real path). */
export function homeId(runtime: string, real: string, host = hostname()): string {
  return createHash("sha256").update([runtime, host, real].join("\0")).digest("hex").slice(0, 16);
}

/** The id that the home carries along when it is moved; where none was written, that of its place. */
export const readHomeId = (runtime: string, real: string): string =>
  identityOfHome(real)?.home_id ?? homeId(runtime, real);
