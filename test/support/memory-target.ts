// A target that a program makes of its own: a map in memory.
import { readFileSync } from "node:fs";
import { temporaryStage, ToolError, type Range, type StagedFile, type Target } from "../../lib/index.ts";

const places = new Map<string, Map<string, Buffer>>();

/** `memory://NAME`: all targets of one name are the same place. */
export function memoryTarget(url: string): Target {
  const objects = places.get(url) ?? new Map<string, Buffer>();
  places.set(url, objects);
  return {
    url,
    stage: temporaryStage,
    async put(key, content, { exclusive = false } = {}) {
      if (!objects.has(key)) objects.set(key, bytesOf(content));
      else if (exclusive) throw new ToolError({ code: "E_EXISTS", message: `${url}/${key} exists already`, exit: 6 });
    },
    get: async (key, range) => cut(objects.get(key), range),
    head: async (key) => (objects.has(key) ? { size: objects.get(key)!.length } : undefined),
    async *list(prefix) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
      for (const key of keys) if (objects.has(key)) yield { key, size: objects.get(key)!.length };
    },
    delete: async (key) => void objects.delete(key),
  };
}

const bytesOf = (content: Uint8Array | StagedFile): Buffer =>
  "file" in content ? readFileSync(content.file) : Buffer.from(content);

const cut = (bytes: Buffer | undefined, range: Range | undefined): Buffer | undefined =>
  bytes && range ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
