// Writes one archive file: a tar in zstd frames, the same bytes for the same entries.
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { toFileError } from "../files/errors.ts";
import { osPath } from "../files/os-path.ts";
import { TAR_END, tarHeader, tarPadding, type TarEntry } from "../files/tar-write.ts";
import { zstdFrame, zstdFrameSync } from "../files/zstd-frames.ts";

const FRAME = 4 << 20;

/** Entries go in one by one; `close` returns what the file has become. One frame is compressed while the next is filled. */
export class ArchiveFile {
  #fd: number;
  /** In messages. */
  #place: string;
  #buffers: readonly [Buffer, Buffer];
  #turn: 0 | 1 = 0;
  #used = 0;
  #bytes = 0;
  #hash = createHash("sha256");
  #underWay: Promise<void> = Promise.resolve();

  #made: (bytes: number) => void;

  /** `buffers` may be shared by files that are written one after another; `made` hears of those that are left behind. */
  constructor(
    { path, place }: { readonly path: string; readonly place: string },
    buffers: readonly [Buffer, Buffer],
    made: (bytes: number) => void,
  ) {
    this.#buffers = buffers;
    this.#made = made;
    this.#place = place;
    this.#fd = this.#attempt(() => openSync(osPath(path), "wx", 0o600));
  }

  static buffers(): [Buffer, Buffer] {
    return [Buffer.allocUnsafeSlow(FRAME), Buffer.allocUnsafeSlow(FRAME)];
  }

  async entry(entry: TarEntry, content?: Uint8Array): Promise<void> {
    await this.#add(tarHeader(entry));
    if (!content) return;
    await this.#add(content);
    await this.#add(tarPadding(content.length));
  }

  /** An entry whose content is read from an open file; returns its digest, or undefined when it was shorter. */
  async fileEntry(entry: TarEntry, fd: number): Promise<string | undefined> {
    await this.entry(entry);
    const hash = createHash("sha256");
    for (let at = 0; at < entry.size;) {
      if (this.#used === FRAME) await this.#flush();
      const buffer = this.#buffers[this.#turn];
      const read = readSync(fd, buffer, this.#used, Math.min(FRAME - this.#used, entry.size - at), at);
      if (read === 0) return undefined;
      hash.update(buffer.subarray(this.#used, this.#used + read));
      this.#used += read;
      at += read;
    }
    await this.#add(tarPadding(entry.size));
    return hash.digest("hex");
  }

  async close(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    await this.#add(TAR_END);
    const isOnly = this.#bytes === 0 && this.#turn === 0;
    if (isOnly) this.#put(zstdFrameSync(this.#buffers[0].subarray(0, this.#used)));
    else await this.#flush();
    await this.abandon();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  async abandon(): Promise<void> {
    await this.#underWay.finally(() => {
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#fd = -1;
    });
  }

  async #add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#used === FRAME) await this.#flush();
      const part = bytes.subarray(at, at + FRAME - this.#used);
      this.#buffers[this.#turn].set(part, this.#used);
      this.#used += part.length;
      at += part.length;
    }
  }

  async #flush(): Promise<void> {
    if (this.#used === 0) return;
    const content = this.#buffers[this.#turn].subarray(0, this.#used);
    await this.#underWay;
    this.#underWay = this.#write(content);
    this.#underWay.catch(() => undefined); // reported by whoever waits for it
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#used = 0;
  }

  async #write(content: Buffer): Promise<void> {
    this.#put(await zstdFrame(content));
  }

  #put(frame: Buffer): void {
    for (let at = 0; at < frame.length;) at += this.#attempt(() => writeSync(this.#fd, frame, at));
    this.#hash.update(frame);
    this.#bytes += frame.length;
    this.#made(2 * frame.length);
  }

  #attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw toFileError(this.#place, "write to", error);
    }
  }
}
