// Key files: the private one is read only when nobody else can read it.
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { parseSigner, parseVerifier, type Signer, type Verifier } from "./note-key.ts";
import { placeError, refusal } from "../../records/error.ts";

const OTHERS = 0o077;
const LARGEST = 64 * 1024;

/** The private key in a file. Refuses (exit 4) one that others can read. */
export function readSigner(path: string): Signer {
  const { text, mode } = readKeyFile(path);
  if (mode & OTHERS) {
    throw refusal(
      "E_KEY_EXPOSED",
      `the private key ${path} can be read by others (mode ${(mode & 0o777).toString(8)})`,
      `chmod 600 ${path}, and treat the key as compromised: agh-ledger keygen creates a new one`,
    );
  }
  const signer = parseSigner(text);
  if (signer) return signer;
  const hint = parseVerifier(text)
    ? "that is the public half: name the file without .pub"
    : "agh-ledger keygen makes one";
  throw placeError("E_BAD_KEY", `${path} is not a private key of agh-ledger`, hint);
}

/** The public keys in a file, one a line; empty lines and lines with `#` are passed over. */
export function readVerifiers(path: string): Verifier[] {
  const lines = readKeyFile(path)
    .text.split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const keys = lines.map((line) => {
    const key = parseVerifier(line);
    if (key) return key;
    const hint = line.startsWith("PRIVATE+KEY+")
      ? "that is the private half: name the .pub file"
      : "a line is NAME+ID+KEY";
    throw placeError("E_BAD_KEY", `${path} is not a public key of agh-ledger`, hint);
  });
  if (keys.length === 0) throw placeError("E_BAD_KEY", `${path} contains no key`, "a line is NAME+ID+KEY");
  return keys;
}

function readKeyFile(path: string): { readonly text: string; readonly mode: number } {
  try {
    const fd = openSync(osPath(path), "r");
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > LARGEST) throw placeError("E_BAD_KEY", `${path} is not a key file`);
      return { text: readFileSync(fd, "utf8"), mode: stat.mode };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(path, "read", error);
  }
}
