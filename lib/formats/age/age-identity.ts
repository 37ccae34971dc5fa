// An age identity file: who may read it is checked before it is used, and what is in it never shows in an error.
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { refusal, usageError } from "../../records/error.ts";

const NATIVE = /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/;

/** The secret keys in an identity file. Readable by others → exit 4; unreadable → 6; no identity in it → 2. */
export function readIdentityFile(path: string): string[] {
  const keys = readPrivate(path)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0 || !keys.every((key) => NATIVE.test(key))) {
    throw usageError(
      `${path} is not an age identity file`,
      "it must contain lines that begin with AGE-SECRET-KEY-1, as age-keygen writes them; plugins and passphrases are not supported",
    );
  }
  return keys;
}

function readPrivate(path: string): string {
  try {
    const fd = openSync(osPath(path), "r");
    try {
      const { mode } = fstatSync(fd);
      if ((mode & 0o027) !== 0) {
        throw refusal("E_UNSAFE_PERMISSIONS", `others may read or change the identity ${path}`, `chmod 600 ${path}`);
      }
      return readFileSync(fd, "utf8");
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw toFileError(path, "read", error);
  }
}
