// How an encrypted repository's objects are made and read: age files to its recipients, opened with an identity.
import { placeError, refusal, ToolError } from "../../records/error.ts";
import {
  decryptWith,
  encryptTo,
  type AgeReader,
  type AgeSource,
  type Decryption,
  type Encryption,
} from "../age/age.ts";

/** Names that the errors speak of are keys. */
export interface Envelope {
  readonly recipients: readonly string[];
  /** The file of the identity that opens it; undefined where there is none. */
  readonly identity: string | undefined;
  readonly encryption: Encryption;
  /** Every recipient is one of the identity's own: nobody else can read what is encrypted. */
  readonly isOnlyOurs: boolean;
  /** A whole object. Without identity → E_IDENTITY_NEEDED (4); damaged → E_AGE_DAMAGED (6). */
  open(bytes: Uint8Array, key: string): Promise<Buffer>;
  /** An object of which ranges are wanted; fails as `open`. */
  reader(source: AgeSource, key: string): Promise<AgeReader>;
}

export interface EncryptedRepository {
  /** Where the repository lies, for errors. */
  readonly url: string;
  readonly recipients: readonly string[];
}

/** Recipients mistyped → exit 2; an identity that is none of theirs → E_IDENTITY (6). */
export async function openEnvelope(
  { url, recipients }: EncryptedRepository,
  identity: string | undefined,
): Promise<Envelope> {
  const encryption = await encryptTo(recipients);
  const decryption = identity === undefined ? undefined : await decryptWith(identity);
  if (decryption && !decryption.recipients.some((each) => recipients.includes(each))) {
    throw placeError(
      "E_IDENTITY",
      `${identity} is not an identity of ${url}: it is encrypted to ${recipients.join(", ")}`,
      "--identity FILE, the identity of one of them (age-keygen -y FILE prints its recipient)",
    );
  }
  const whole = <T>(act: (decryption: Decryption) => Promise<T>, key: string): Promise<T> =>
    act(decryption ?? fail(identityNeeded(url))).catch((error: unknown) => {
      // The identity is one of the right ones, so it is the header that is not what it was.
      if (!(error instanceof ToolError) || error.code !== "E_IDENTITY") throw error;
      throw placeError("E_AGE_DAMAGED", `${url}/${key} is damaged: its header names none of the recipients`);
    });
  return {
    recipients,
    identity,
    encryption,
    isOnlyOurs: decryption !== undefined && recipients.every((each) => decryption.recipients.includes(each)),
    open: async (bytes, key) => whole((age) => age.decrypt(bytes, key), key),
    reader: async (source, key) => whole((age) => age.reader(source, key), key),
  };
}

const AGE = "age-encryption.org/";

/** Whether it begins as an age file does. */
export const isAgeFile = (start: Uint8Array): boolean =>
  Buffer.from(start.subarray(0, AGE.length)).equals(Buffer.from(AGE));

/** Without the private key nothing of an encrypted repository can be read but names and sizes. */
export const identityNeeded = (url: string): ToolError =>
  refusal(
    "E_IDENTITY_NEEDED",
    `${url} is encrypted: this needs an identity that decrypts it`,
    "--identity FILE, or set AGH_BACKUP_IDENTITY",
  );

function fail(error: ToolError): never {
  throw error;
}
