// An S3 server of a test's own: versitygw on loopback over a temp directory. scripts/engines builds it.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { PROJECT } from "./homes.ts";
import { removeTree } from "./temp.ts";

export interface S3Server {
  readonly port: number;
  /** The environment in which `s3://bucket` means this server. */
  readonly env: { readonly [name: string]: string };
  readonly bucket: string;
  /** Where the bucket's objects lie as files. */
  readonly objects: string;
  stop(): Promise<void>;
}

const ACCESS_KEY = "AKIATESTACCESSKEY";
export const SECRET_KEY = "canary-secret-key-that-must-never-show";

/** Where the engine is, or why there is none. Builds it where it can. */
function engine(): { readonly path: string } | { readonly missing: string } {
  const { status, stdout, stderr } = spawnSync(join(PROJECT, "scripts/engines"), { encoding: "utf8" });
  return status === 0
    ? { path: stdout.trim() }
    : { missing: stderr.trim().split("\n").at(-1) ?? "scripts/engines failed" };
}

/** A started server with one empty bucket; a string says why there is none. */
export async function startS3(): Promise<S3Server | string> {
  const built = engine();
  if ("missing" in built) return built.missing;
  const dir = mkdtempSync(join(realpathSync(tmpdir()), "agh-s3-"));
  for (const name of ["objects", "attributes"]) mkdirSync(join(dir, name));
  const port = await freePort();
  // Attributes lie in a directory of their own, so that any file system will do.
  const args = [
    "--port",
    `127.0.0.1:${port}`,
    "--quiet",
    "--keep-alive",
    "posix",
    "--sidecar",
    join(dir, "attributes"),
  ];
  const server = spawn(built.path, [...args, join(dir, "objects")], {
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
    stdio: "ignore",
  });
  const stop = async (): Promise<void> => {
    await ended(server);
    removeTree(dir);
  };
  try {
    await listening(server, port);
    const bucket = "agh-test";
    await makeBucket(port, bucket);
    return { port, env: envOf(port), bucket, objects: join(dir, "objects", bucket), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What makes every AWS client talk to a port on loopback, whatever this machine is set up for. */
export const envOf = (port: number): { readonly [name: string]: string } => ({
  AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
  AWS_ACCESS_KEY_ID: ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  AWS_REGION: "us-east-1",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
});

async function makeBucket(port: number, Bucket: string): Promise<void> {
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
  });
  await client.send(new CreateBucketCommand({ Bucket }));
  client.destroy();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(server: ChildProcess, port: number): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (server.exitCode !== null) throw new Error(`the S3 server ended with ${server.exitCode}`);
    if (await answers(port)) return;
    await setTimeout(20);
  }
  throw new Error("the S3 server does not listen");
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  const slow = setTimeout(2000, undefined, { ref: false }).then(() => server.kill("SIGKILL"));
  await Promise.race([exited, slow]);
  await exited;
}
