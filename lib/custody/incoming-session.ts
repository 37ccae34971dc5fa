// A session on its way into a home: its parts, wherever they lie, and how they are laid out on disk.
import type { OnBuffer } from "../formats/archive/archive-reader.ts";
import type { ReceiptFile } from "../formats/archive/receipt.ts";
import type { SessionParts } from "../sources/custody.ts";

export interface IncomingSession extends SessionParts {
  /**
   * Writes what `place` gives a path to (absolute, below a directory that is nobody else's), with its mode and time. Nothing is synced.
   * `made` hears of the buffers that are left behind.
   */
  extract(place: (file: ReceiptFile) => string | undefined, made?: OnBuffer): Promise<void>;
}
