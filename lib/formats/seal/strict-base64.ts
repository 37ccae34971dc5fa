// Base64 that has one spelling only: what Buffer would let pass is refused.

/** Undefined unless encoding the bytes gives the same text back. */
export function parseBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
