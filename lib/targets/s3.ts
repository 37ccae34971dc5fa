// A target that is a prefix in an S3 bucket, on AWS or on what speaks its language.
import { rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { GetObjectCommandInput } from "@aws-sdk/client-s3";
import { osPath } from "../files/os-path.ts";
import { placeError, usageError } from "../records/error.ts";
import { ATTEMPTS, connect, type S3 } from "./s3-client.ts";
import { attemptsOf, nameOf, toS3Error, statusOf } from "./s3-errors.ts";
import { isConditionalPutUnsupported, isPreconditionFailed, upload } from "./s3-upload.ts";
import { temporaryStage } from "./temporary-stage.ts";
import type { Range, Stage, StagedFile, Target } from "./target.ts";

export interface S3Options {
  /** Tries of one request before it fails. */
  readonly attempts?: number;
}

/** `s3://bucket/prefix`. An invalid URL → exit 2. */
export function s3Target(url: string, { attempts = ATTEMPTS }: S3Options = {}): Target {
  return new S3Target(placeOf(url), attempts);
}

interface Place {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
}

function placeOf(url: string): Place {
  const [, bucket, path = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  const parts = path.split("/").filter((part) => part !== "");
  // What is wrong is not repeated: it may hold a key that somebody put into the URL.
  if (bucket === undefined || parts.some((part) => part === "." || part === ".." || /[?#\p{C}]/u.test(part))) {
    throw usageError(
      "this is not a valid S3 location",
      "s3://BUCKET/PREFIX; credentials and endpoint come from the environment",
    );
  }
  return { bucket, prefix: parts.map((part) => `${part}/`).join("") };
}

class S3Target implements Target {
  readonly url: string;
  readonly #place: Place;
  readonly #attempts: number;
  #s3: Promise<S3> | undefined;
  #conditional = true;

  constructor(place: Place, attempts: number) {
    this.url = `s3://${place.bucket}/${place.prefix}`.replace(/\/$/, "");
    this.#place = place;
    this.#attempts = attempts;
  }

  stage(): Stage {
    return temporaryStage();
  }

  async put(key: string, content: Uint8Array | StagedFile, { exclusive = false } = {}): Promise<void> {
    await this.#attempt("write", key, async (s3) => {
      const there = await this.#upload(s3, key, content);
      if (there && exclusive && !(await this.#isOurs(key, content, there))) {
        throw placeError("E_EXISTS", `${this.#name(key)} exists already`);
      }
    });
    if ("file" in content) rmSync(osPath(content.file), { force: true });
  }

  async replace(key: string, content: Uint8Array, expected: Uint8Array): Promise<void> {
    await this.#attempt("write", key, async (s3) => {
      const { ETag } = await s3.client.send(new s3.sdk.HeadObjectCommand(this.#at(key)));
      const before = await this.get(key);
      if (ETag === undefined || !before?.equals(expected))
        throw placeError("E_EXISTS", `${this.#name(key)} was changed`);
      const there = await this.#upload(s3, key, content, ETag);
      // One whose answer was lost is repeated and then finds itself there.
      if (there && !(await this.get(key))?.equals(content))
        throw placeError("E_EXISTS", `${this.#name(key)} was changed`);
    });
  }

  get(key: string, range?: Range): Promise<Buffer | undefined> {
    return this.#attempt("read", key, async (s3) => {
      if (range && range.length <= 0) return (await this.head(key)) && Buffer.alloc(0);
      try {
        return await download(s3, { ...this.#at(key), ...rangeOf(range) }, this.#attempts);
      } catch (error) {
        if (nameOf(error) === "NoSuchKey") return undefined;
        if (statusOf(error) === 416) return Buffer.alloc(0);
        throw error;
      }
    });
  }

  head(key: string): Promise<{ readonly size: number } | undefined> {
    return this.#attempt("read", key, async ({ sdk, client }) => {
      try {
        const { ContentLength = 0 } = await client.send(new sdk.HeadObjectCommand(this.#at(key)));
        return { size: ContentLength };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async *list(prefix: string): AsyncGenerator<{ readonly key: string; readonly size: number }> {
    const { bucket: Bucket, prefix: root } = this.#place;
    let token: string | undefined;
    do {
      const page = await this.#attempt("list", prefix, ({ sdk, client }) =>
        client.send(
          new sdk.ListObjectsV2Command({ Bucket, Prefix: root + prefix, ...(token && { ContinuationToken: token }) }),
        ),
      );
      for (const { Key, Size } of page.Contents ?? []) yield { key: Key!.slice(root.length), size: Size ?? 0 };
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  delete(key: string): Promise<void> {
    return this.#attempt("remove", key, async ({ sdk, client }) => {
      await client.send(new sdk.DeleteObjectCommand(this.#at(key)));
    });
  }

  /** The error that says that an object is there already, if one is. */
  async #upload(s3: S3, key: string, content: Uint8Array | StagedFile, replaces?: string): Promise<unknown> {
    const to = { ...s3, ...this.#at(key), ...(replaces !== undefined && { replaces }) };
    if (!this.#conditional && replaces === undefined && (await this.head(key))) return new Error("it exists already");
    try {
      await upload({ ...to, conditional: this.#conditional }, content);
      return undefined;
    } catch (error) {
      if (isPreconditionFailed(error)) return error;
      if (!this.#conditional || !isConditionalPutUnsupported(error)) throw error;
      this.#conditional = false;
      return this.#upload(s3, key, content, replaces);
    }
  }

  /** A put whose answer was lost is repeated and then finds itself there. */
  async #isOurs(key: string, content: Uint8Array | StagedFile, there: unknown): Promise<boolean> {
    if (attemptsOf(there) === 1 || "file" in content) return false;
    return (await this.get(key))?.equals(content) === true;
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + key };
  }

  #name(key: string): string {
    return key === "" ? this.url : `${this.url}/${key}`;
  }

  async #attempt<T>(operation: string, key: string, act: (s3: S3) => Promise<T>): Promise<T> {
    try {
      return await act(await (this.#s3 ??= connect(this.#attempts)));
    } catch (error) {
      throw toS3Error(error, { operation, url: this.#name(key), bucket: this.#place.bucket });
    }
  }
}

const rangeOf = (range: Range | undefined): { Range?: string } =>
  range ? { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` } : {};

/** The client repeats requests, but not an answer that breaks off or changes on its way. */
async function download({ sdk, client }: S3, request: GetObjectCommandInput, attempts: number): Promise<Buffer> {
  for (let tries = 1; ; tries++) {
    const { Body } = await client.send(new sdk.GetObjectCommand(request));
    try {
      const bytes = await Body!.transformToByteArray();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      if (tries >= attempts) throw error;
      await pause(50 * 2 ** tries);
    }
  }
}
