// The payload of an age file (STREAM: ChaCha20-Poly1305 over pieces of 64 KiB), by OpenSSL: the age package's own is many times slower.
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

export const PIECE = 64 * 1024;
const TAG = 16;
export const SEALED_PIECE = PIECE + TAG;
export const NONCE = 16;

const CIPHER = "chacha20-poly1305";

/** The key of a payload, from the file key and the 16 bytes that stand before the payload. */
export const payloadKey = (fileKey: Uint8Array, nonce: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", fileKey, nonce, "payload", 32));

/** A piece's nonce: its number in 11 bytes, and 1 for the last. */
function nonceOf(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Seals a payload that comes in parts; what it returns, joined, is the payload. */
export class PayloadWriter {
  readonly #key: Uint8Array;
  readonly #buffer = Buffer.allocUnsafe(PIECE);
  #bufferedBytes = 0;
  #index = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Seals all whole pieces but one: the last piece is marked, and only `end` knows which it is. */
  push(bytes: Uint8Array): Buffer[] {
    const sealed: Buffer[] = [];
    let rest = bytes;
    while (this.#bufferedBytes + rest.length > PIECE) {
      const whole = this.#bufferedBytes === 0 ? rest.subarray(0, PIECE) : this.#fill(rest);
      rest = rest.subarray(this.#bufferedBytes === 0 ? PIECE : PIECE - this.#bufferedBytes);
      this.#bufferedBytes = 0;
      this.#seal(whole, false, sealed);
    }
    this.#buffer.set(rest, this.#bufferedBytes);
    this.#bufferedBytes += rest.length;
    return sealed;
  }

  end(): Buffer[] {
    const sealed: Buffer[] = [];
    this.#seal(this.#buffer.subarray(0, this.#bufferedBytes), true, sealed);
    return sealed;
  }

  #fill(rest: Uint8Array): Buffer {
    this.#buffer.set(rest.subarray(0, PIECE - this.#bufferedBytes), this.#bufferedBytes);
    return this.#buffer;
  }

  #seal(plain: Uint8Array, last: boolean, sealed: Buffer[]): void {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(this.#index++, last), { authTagLength: TAG });
    sealed.push(cipher.update(plain));
    cipher.final();
    sealed.push(cipher.getAuthTag());
  }
}

/** Bytes that a payload of `size` bytes holds; undefined when no payload has that size. */
export function plainSize(size: number): number | undefined {
  const pieces = Math.ceil(size / SEALED_PIECE);
  const last = size - (pieces - 1) * SEALED_PIECE;
  if (size < TAG || last < TAG || (last === TAG && pieces > 1)) return undefined;
  return size - pieces * TAG;
}

/** Opens the pieces from number `first` on that `sealed` holds, the last of the payload last if `toEnd`; undefined when damaged. */
export function openPieces(
  key: Uint8Array,
  sealed: Uint8Array,
  { first = 0, toEnd = true }: { readonly first?: number; readonly toEnd?: boolean } = {},
): Buffer | undefined {
  const size = plainSize(sealed.length);
  if (size === undefined) return undefined;
  const plain = Buffer.allocUnsafe(size);
  const count = Math.ceil(sealed.length / SEALED_PIECE);
  for (let n = 0; n < count; n++) {
    const piece = sealed.subarray(n * SEALED_PIECE, (n + 1) * SEALED_PIECE);
    const opened = openPiece(key, piece, nonceOf(first + n, toEnd && n === count - 1));
    if (!opened) return undefined;
    plain.set(opened, n * PIECE);
  }
  return plain;
}

function openPiece(key: Uint8Array, sealed: Uint8Array, nonce: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  try {
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG));
    decipher.final();
    return plain;
  } catch {
    return undefined; // OpenSSL says nothing more than that it is not what was sealed
  }
}
