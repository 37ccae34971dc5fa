// S3's errors as errors for people. Nothing of a request (headers, keys, tokens) goes into an error.
import { toFileError } from "../files/errors.ts";
import { placeError, ToolError } from "../records/error.ts";

export interface S3Request {
  /** What was tried, as in `cannot …`: `read`, `write`, `list`, `remove`. */
  readonly operation: string;
  /** The object: `s3://bucket/prefix/key`. */
  readonly url: string;
  readonly bucket: string;
}

interface Failure extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

const KEYS =
  "look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; with temporary keys also AWS_SESSION_TOKEN";
const AGAIN = "try again; if it fails again, check the network";
const UNREACHABLE = "look at AWS_ENDPOINT_URL_S3, AWS_REGION and the network, or try again later";

const MEANING: Readonly<Record<string, readonly [code: `E_${string}`, words: string, hint: string]>> = {
  CredentialsProviderError: ["E_CREDENTIALS", "no credentials were found", KEYS],
  InvalidAccessKeyId: ["E_CREDENTIALS", "the server does not know the access key", KEYS],
  XAdminUserNotFound: ["E_CREDENTIALS", "the server does not know the access key", KEYS], // versitygw's word for it
  SignatureDoesNotMatch: ["E_CREDENTIALS", "the secret key does not belong to the access key", KEYS],
  ExpiredToken: ["E_CREDENTIALS", "the session token has expired", KEYS],
  InvalidToken: ["E_CREDENTIALS", "the session token is not valid", KEYS],
  RequestTimeTooSkewed: ["E_CLOCK", "this machine's clock is too far off", "set the clock: timedatectl"],
  AccessDenied: [
    "E_NO_PERMISSION",
    "these credentials do not permit it",
    "look at the bucket's or the user's policy, and at the keys: AWS_ACCESS_KEY_ID or AWS_PROFILE",
  ],
  NoSuchBucket: ["E_NO_BUCKET", "the bucket does not exist", "create the bucket, or check its spelling"],
  AuthorizationHeaderMalformed: ["E_REGION", "the bucket is in another region", "set AWS_REGION"],
  PermanentRedirect: ["E_REGION", "the bucket is in another region", "set AWS_REGION"],
  BadDigest: ["E_CHECKSUM", "the data arrived changed", AGAIN],
  XAmzContentChecksumMismatch: ["E_CHECKSUM", "the data arrived changed", AGAIN],
  QuotaExceeded: ["E_NO_SPACE", "the server has no space left", "free some space, or name another place"],
  XMinioStorageFull: ["E_NO_SPACE", "the server has no space left", "free some space, or name another place"],
};

/** A failed request as a ToolError (exit 6); anything that is none is returned as it is. */
export function toS3Error(error: unknown, { operation, url, bucket }: S3Request): unknown {
  if (error instanceof ToolError || !(error instanceof Error)) return error;
  if ("path" in error && "syscall" in error) return toFileError(String(error.path), "read", error); // a staged file
  const { name, code, $metadata } = error as Failure;
  const status = $metadata?.httpStatusCode;
  const known = MEANING[name] ?? (status === 403 ? MEANING["AccessDenied"] : undefined); // a refused HEAD says no more
  const message = `could not ${operation} ${url}`;
  if (known) {
    const [tool, text, hint] = known;
    return placeError(tool, `${message}: ${text}`, tool === "E_NO_BUCKET" ? `${hint}: aws s3 mb s3://${bucket}` : hint);
  }
  if (isTransient(error)) {
    return placeError(
      "E_UNREACHABLE",
      `${message}: the server gave no valid answer (${code ?? status ?? name})${tries(error)}`,
      UNREACHABLE,
    );
  }
  if (code !== undefined && TLS.test(code)) {
    return placeError(
      "E_TLS",
      `${message}: its certificate is not trusted (${code})`,
      "name your certificate authority: NODE_EXTRA_CA_CERTS=FILE",
    );
  }
  if (status === undefined) return error;
  return placeError("E_S3", `${message}: the server says ${status} ${name}${tries(error)}`, UNREACHABLE);
}

function tries(error: Error): string {
  const { attempts = 1 } = (error as Failure).$metadata ?? {};
  return attempts > 1 ? ` after ${attempts} tries` : "";
}

const TLS = /^(?:ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;
const NETWORK = /^(?:E(?:CONN|NET|HOST|AI_)\w*|EPIPE|ETIMEDOUT|ENOTFOUND|EPROTO)$/;

/** The network or the server for a while, not the request. */
function isTransient(error: unknown): boolean {
  const { name, code, $metadata } = error as Failure;
  const status = $metadata?.httpStatusCode ?? 0;
  return status >= 500 || status === 429 || name === "TimeoutError" || NETWORK.test(code ?? "");
}

export const statusOf = (error: unknown): number | undefined => (error as Failure).$metadata?.httpStatusCode;
export const nameOf = (error: unknown): string => (error as Failure).name;
export const attemptsOf = (error: unknown): number => (error as Failure).$metadata?.attempts ?? 1;
