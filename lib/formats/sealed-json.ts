// JSON files that show whether they were changed: the last key `digest` is the SHA-256 of the file's bytes before it.
import { hash } from "node:crypto";

const KEY = '"digest":"';
const END = '"}\n';
const TAIL = KEY.length + 64 + END.length;

/** The file's bytes and its digest. */
export function encodeSealed(content: object): { readonly bytes: Buffer; readonly digest: string } {
  const body = Buffer.from(`${JSON.stringify(content).slice(0, -1)},`);
  const digest = hash("sha256", body);
  return { bytes: Buffer.concat([body, Buffer.from(KEY + digest + END)]), digest };
}

/** The content with its digest; undefined when one byte of it is not what was sealed. */
export function decodeSealed(bytes: Buffer): (Record<string, unknown> & { digest: string }) | undefined {
  const body = bytes.subarray(0, Math.max(0, bytes.length - TAIL));
  const digest = hash("sha256", body);
  if (!bytes.subarray(body.length).equals(Buffer.from(KEY + digest + END))) return undefined;
  return parseObject(bytes.toString("utf8")) as (Record<string, unknown> & { digest: string }) | undefined;
}

/** Anybody can make a digest: what is sealed may be no JSON. */
function parseObject(text: string): object | undefined {
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

const DEEPEST = 16;

/** Nothing of ours is nested deeper: whatever walks through a value of this kind ends. */
export function isShallow(value: unknown, depth = DEEPEST): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => isShallow(inner, depth - 1));
}
