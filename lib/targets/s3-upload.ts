// Puts an object into S3 whole or not at all: checksummed, only where there is none, in parts when it is large.
import { hash } from "node:crypto";
import { open, stat, type FileHandle } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { CompletedPart } from "@aws-sdk/client-s3";
import { osPath } from "../files/os-path.ts";
import type { S3 } from "./s3-client.ts";
import { nameOf, statusOf } from "./s3-errors.ts";
import type { StagedFile } from "./target.ts";

/** Bytes of a part, two of which are in memory at a time; S3 takes 10,000 of them. */
const PART = 16 * 2 ** 20;
const PARTS = 10_000;
const AT_ONCE = 2;

export interface S3Upload extends S3 {
  readonly Bucket: string;
  readonly Key: string;
  /** Fails with 412 where the object exists. Not every server knows how. */
  readonly conditional: boolean;
  /** Replaces the object of this ETag, and no other. */
  readonly replaces?: string;
}

export async function upload(to: S3Upload, content: Uint8Array | StagedFile): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await ("file" in content ? uploadFile(to, content.file) : putBytes(to, content));
    } catch (error) {
      // Another writer or deleter of the same key was at work: which of us won shows in the next try.
      if (nameOf(error) !== "ConditionalRequestConflict" || tries === 5) throw error;
      await pause(100 * 2 ** tries);
    }
  }
}

const condition = ({ conditional, replaces }: S3Upload): { IfNoneMatch?: "*"; IfMatch?: string } => {
  if (!conditional) return {};
  return replaces === undefined ? { IfNoneMatch: "*" } : { IfMatch: replaces };
};
const sha256 = (bytes: Uint8Array): string => hash("sha256", bytes, "base64");

async function putBytes(to: S3Upload, bytes: Uint8Array): Promise<void> {
  const { sdk, client, Bucket, Key } = to;
  const Body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  await client.send(new sdk.PutObjectCommand({ Bucket, Key, Body, ChecksumSHA256: sha256(bytes), ...condition(to) }));
}

async function uploadFile(to: S3Upload, file: string): Promise<void> {
  const { size } = await stat(osPath(file));
  await using handle = await open(osPath(file), "r");
  // Awaited here: one that fails while the file is being closed would be nobody's.
  if (size <= PART) return await putBytes(to, await readAt(handle, 0, size));
  await uploadParts(to, handle, size);
}

async function uploadParts(to: S3Upload, handle: FileHandle, size: number): Promise<void> {
  const { sdk, client, Bucket, Key } = to;
  const { UploadId } = await client.send(
    new sdk.CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "SHA256" }),
  );
  const upload = { Bucket, Key, UploadId };
  try {
    const parts = await sendParts(to, { handle, size, UploadId: UploadId! });
    await client.send(
      new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts }, ...condition(to) }),
    );
  } catch (error) {
    // Parts of an upload that is never finished are paid for; that they could not be dropped is not what went wrong.
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined);
    throw error;
  }
}

interface PartSource {
  readonly handle: FileHandle;
  readonly size: number;
  readonly UploadId: string;
}

async function sendParts(to: S3Upload, { handle, size, UploadId }: PartSource): Promise<CompletedPart[]> {
  const { sdk, client, Bucket, Key } = to;
  const bytes = Math.max(PART, Math.ceil(size / PARTS));
  const parts: CompletedPart[] = Array.from({ length: Math.ceil(size / bytes) });
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < parts.length) {
      const n = next++;
      const Body = await readAt(handle, n * bytes, Math.min(bytes, size - n * bytes));
      const part = { PartNumber: n + 1, ChecksumSHA256: sha256(Body) };
      const { ETag } = await client.send(new sdk.UploadPartCommand({ Bucket, Key, UploadId, Body, ...part }));
      parts[n] = { ...part, ETag };
    }
  };
  const senders = await Promise.allSettled(Array.from({ length: AT_ONCE }, send));
  for (const sender of senders) if (sender.status === "rejected") throw sender.reason;
  return parts;
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw new Error("a staged file shrank while it was uploaded");
    at += bytesRead;
  }
  return bytes;
}

/** Somebody has put an object of this key before. */
export const isPreconditionFailed = (error: unknown): boolean => statusOf(error) === 412;

/** The server does not know conditional puts. */
export const isConditionalPutUnsupported = (error: unknown): boolean =>
  statusOf(error) === 501 || nameOf(error) === "NotImplemented";
