// The words of a tool's result: a text, or since 0.8 an array of texts and images.

/** Undefined where there are none. */
export function resultText(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content
    .map((part) => (part as { text?: unknown } | null)?.text)
    .filter((text) => typeof text === "string");
  return texts.length > 0 ? texts.join("\n") : undefined;
}
