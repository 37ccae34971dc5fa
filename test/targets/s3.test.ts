// S3: the contract of every target against a real server, and each thing a server or a network can do to us.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { ToolError } from "../../lib/records/error.ts";
import { s3Target } from "../../lib/targets/s3.ts";
import { targetOf, type Target } from "../../lib/targets/target.ts";
import { targetContract } from "../contract/target.ts";
import { startProxy, type ProxiedRequest, type Fate, type Proxy } from "../support/s3-proxy.ts";
import { envOf, SECRET_KEY, startS3 } from "../support/s3-server.ts";

const MIB = 2 ** 20;
const server = await startS3();
if (typeof server === "string") test("S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  suite(server);
}

function suite({ port, env, bucket, objects }: Exclude<typeof server, string>): void {
  let made = 0;
  const fresh = (): string => `s3://${bucket}/test-${++made}`;

  const inEnvironment = (t: TestContext, values: { readonly [name: string]: string | undefined }): void => {
    const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
    const put = (name: string, value: string | undefined): void => {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    };
    for (const [name, value] of Object.entries(values)) put(name, value);
    t.after(() => before.forEach(([name, value]) => put(name, value)));
  };

  const target = (t: TestContext): Target => {
    inEnvironment(t, env);
    return targetOf(fresh());
  };

  /** A target whose server misbehaves as told. */
  const behind = async (
    t: TestContext,
    fateOf: (request: ProxiedRequest) => Fate,
  ): Promise<{ target: Target; proxy: Proxy }> => {
    const proxy = await startProxy(port, fateOf);
    t.after(() => proxy.stop());
    inEnvironment(t, envOf(proxy.port));
    return { target: s3Target(fresh(), { attempts: 3 }), proxy };
  };

  const keys = async (of: Target, prefix = ""): Promise<string[]> => {
    const found: string[] = [];
    for await (const { key } of of.list(prefix)) found.push(key);
    return found;
  };

  targetContract("S3", target);

  test("a file larger than a part is put in parts, and read back in ranges", async (t) => {
    const s3 = target(t);
    using stage = s3.stage();
    const bytes = randomBytes(33 * MIB + 7);
    const file = join(stage.dir, "pack");
    writeFileSync(file, bytes);
    await s3.put("packs/large", { file });
    assert.deepEqual(await s3.head("packs/large"), { size: bytes.length });
    assert.ok((await s3.get("packs/large"))!.equals(bytes));
    const offset = 16 * MIB - 3;
    assert.ok((await s3.get("packs/large", { offset, length: 10 }))!.equals(bytes.subarray(offset, offset + 10)));
    assert.equal(existsSync(file), false, "what was staged is gone");
    writeFileSync(file, randomBytes(17 * MIB));
    await s3.put("packs/large", { file });
    assert.ok((await s3.get("packs/large"))!.equals(bytes), "parts do not replace either");
    writeFileSync(file, bytes);
    await assert.rejects(s3.put("packs/large", { file }, { exclusive: true }), { code: "E_EXISTS" });
    assert.deepEqual(await keys(s3), ["packs/large"]);
  });

  test("a list longer than a page is whole and in order", async (t) => {
    const s3 = target(t);
    const names = Array.from({ length: 1100 }, (_, n) => `p/${String(n).padStart(5, "0")}`);
    await s3.put(names[0]!, Buffer.from("x"));
    const at = join(objects, s3.url.split("/").at(-1)!);
    for (const name of names) writeFileSync(join(at, name), "x");
    assert.deepEqual(await keys(s3, "p/"), names);
  });

  test("of eight that put one exclusive object at once, one wins", async (t) => {
    inEnvironment(t, env);
    const url = fresh();
    const puts = Array.from({ length: 8 }, (_, n) =>
      targetOf(url).put("one", Buffer.from(`${n}`), { exclusive: true }),
    );
    const results = await Promise.allSettled(puts);
    const won = results.findIndex(({ status }) => status === "fulfilled");
    assert.equal((await targetOf(url).get("one"))?.toString(), `${won}`);
    for (const [n, result] of results.entries()) {
      if (n !== won) assert.equal(result.status === "rejected" && result.reason.code, "E_EXISTS", inspect(result));
    }
  });

  test("nothing is written without a checksum and a condition", async (t) => {
    const { target: s3, proxy } = await behind(t, () => "pass");
    using stage = s3.stage();
    writeFileSync(join(stage.dir, "pack"), randomBytes(17 * MIB));
    await s3.put("a", Buffer.from("a"));
    await s3.put("b", { file: join(stage.dir, "pack") });
    const puts = proxy.requests.filter(({ method }) => method === "PUT");
    assert.equal(puts.length, 3);
    for (const { headers } of puts) assert.match(String(headers["x-amz-checksum-sha256"]), /^[\w+/]{43}=$/);
    const finishing = proxy.requests.filter(
      ({ method, path }) =>
        (method === "PUT" && !path.includes("partNumber")) || (method === "POST" && path.includes("uploadId")),
    );
    assert.deepEqual(
      finishing.map(({ headers }) => headers["if-none-match"]),
      ["*", "*"],
    );
  });

  for (const fate of [
    "reset",
    { status: 503, name: "ServiceUnavailable" },
    { status: 500, name: "InternalError" },
  ] as const) {
    test(`what fails for a moment is tried again (${inspect(fate)})`, async (t) => {
      const { target: s3, proxy } = await behind(t, ({ nth }) => (nth % 2 === 1 ? fate : "pass"));
      await s3.put("a", Buffer.from("content"), { exclusive: true });
      assert.equal((await s3.get("a"))?.toString(), "content");
      assert.deepEqual(await s3.head("a"), { size: 7 });
      assert.deepEqual(await keys(s3), ["a"]);
      await s3.delete("a");
      assert.equal(proxy.requests.length, 10);
    });
  }

  for (const fate of ["reset", { status: 503, name: "ServiceUnavailable" }] as const) {
    test(`what fails for good ends in 6 (${inspect(fate)})`, async (t) => {
      const { target: s3, proxy } = await behind(t, () => fate);
      for (const act of [
        () => s3.put("a", Buffer.from("a")),
        () => s3.get("a"),
        () => s3.head("a"),
        () => keys(s3),
        () => s3.delete("a"),
      ]) {
        await assert.rejects(act(), (error) => isPlaceError(error, "E_UNREACHABLE"));
      }
      assert.equal(proxy.requests.length, 15, "three tries each");
    });
  }

  test("a put whose answer was lost is ours, not somebody else's", async (t) => {
    const { target: s3 } = await behind(t, ({ nth }) => (nth === 1 ? "lose" : "pass"));
    await s3.put("manifest", Buffer.from("mine"), { exclusive: true });
    assert.equal((await s3.get("manifest"))?.toString(), "mine");
  });

  test("an answer that breaks off half-way is asked for again, and never passed on", async (t) => {
    let cuts = 0;
    const { target: s3 } = await behind(t, ({ method }) => (method === "GET" && cuts++ < 2 ? "cut" : "pass"));
    const bytes = randomBytes(MIB);
    await s3.put("a", bytes);
    assert.ok((await s3.get("a"))!.equals(bytes));
    cuts = -100;
    await assert.rejects(s3.get("a"), (error) => isPlaceError(error, "E_UNREACHABLE"));
  });

  test("an upload in parts that fails leaves no object and no parts", async (t) => {
    let refusing = true;
    const { target: s3, proxy } = await behind(t, ({ path }) =>
      refusing && path.includes("partNumber=2") ? { status: 503, name: "ServiceUnavailable" } : "pass",
    );
    using stage = s3.stage();
    const file = join(stage.dir, "pack");
    writeFileSync(file, randomBytes(33 * MIB));
    await assert.rejects(s3.put("pack", { file }), (error) => isPlaceError(error, "E_UNREACHABLE"));
    assert.ok(proxy.requests.some(({ method, path }) => method === "DELETE" && path.includes("uploadId")));
    assert.equal(await s3.head("pack"), undefined);
    assert.equal(existsSync(file), true, "what was staged can be put again");
    refusing = false;
    await s3.put("pack", { file });
    assert.deepEqual(await s3.head("pack"), { size: 33 * MIB });
  });

  test("a key without the right to delete can still add and read", async (t) => {
    const { target: s3 } = await behind(t, ({ method }) =>
      method === "DELETE" ? { status: 403, name: "AccessDenied" } : "pass",
    );
    using stage = s3.stage();
    writeFileSync(join(stage.dir, "pack"), randomBytes(17 * MIB));
    await s3.put("repository.json", Buffer.from("{}"), { exclusive: true });
    await s3.put("packs/a", { file: join(stage.dir, "pack") });
    assert.deepEqual(await keys(s3), ["packs/a", "repository.json"]);
    await assert.rejects(s3.delete("packs/a"), (error) => isPlaceError(error, "E_NO_PERMISSION"));
  });

  test("a server that knows no conditional puts is asked first", async (t) => {
    const { target: s3 } = await behind(t, ({ headers }) =>
      headers["if-none-match"] ? { status: 501, name: "NotImplemented" } : "pass",
    );
    await s3.put("a", Buffer.from("first"), { exclusive: true });
    await s3.put("a", Buffer.from("second"));
    await assert.rejects(s3.put("a", Buffer.from("third"), { exclusive: true }), { code: "E_EXISTS" });
    assert.equal((await s3.get("a"))?.toString(), "first");
  });

  for (const [name, wrong] of [
    ["a secret that does not fit", { AWS_SECRET_ACCESS_KEY: "canary-wrong-secret" }],
    ["a key nobody knows", { AWS_ACCESS_KEY_ID: "AKIANOBODY" }],
    ["none at all", { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }],
  ] as const) {
    test(`wrong credentials (${name}) → 6, with a hint and without the secret`, async (t) => {
      inEnvironment(t, { ...env, ...wrong });
      for (const act of [() => targetOf(fresh()).get("a"), () => targetOf(fresh()).put("a", Buffer.from("a"))]) {
        await assert.rejects(act(), (error) => isPlaceError(error, "E_CREDENTIALS") && /AWS_PROFILE/.test(error.hint!));
      }
    });
  }

  test("a refused look at an object, which carries no reason, is no missing object", async (t) => {
    inEnvironment(t, { ...env, AWS_SECRET_ACCESS_KEY: "canary-wrong-secret" });
    await assert.rejects(targetOf(fresh()).head("a"), (error) => isPlaceError(error, "E_NO_PERMISSION"));
  });

  test("credentials and endpoint come from the shared files too", async (t) => {
    const s3 = target(t);
    using stage = s3.stage();
    const file = join(stage.dir, "config");
    const lines = [`aws_access_key_id = ${env["AWS_ACCESS_KEY_ID"]}`, `aws_secret_access_key = ${SECRET_KEY}`];
    writeFileSync(file, ["[profile backup]", ...lines, `endpoint_url = http://localhost:${port}`, ""].join("\n"));
    inEnvironment(t, {
      AWS_CONFIG_FILE: file,
      AWS_PROFILE: "backup",
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_ENDPOINT_URL_S3: undefined,
      AWS_REGION: undefined,
    });
    await s3.put("a", Buffer.from("from a profile"));
    assert.equal((await s3.get("a"))?.toString(), "from a profile");
  });

  test("a server that is not there, and a staged file that is not, are told apart", async (t) => {
    const s3 = target(t);
    await assert.rejects(s3.put("a", { file: "/none/such" }), (error) => isPlaceError(error, "E_MISSING"));
    inEnvironment(t, { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" });
    await assert.rejects(s3Target(fresh(), { attempts: 1 }).get("a"), (error) => isPlaceError(error, "E_UNREACHABLE"));
  });

  test("a bucket that is not there → 6", async (t) => {
    inEnvironment(t, env);
    const s3 = targetOf("s3://no-such-bucket/prefix");
    for (const act of [() => s3.get("a"), () => s3.put("a", Buffer.from("a")), () => keys(s3)]) {
      await assert.rejects(act(), (error) => isPlaceError(error, "E_NO_BUCKET"));
    }
  });

  test("a prefix is a wall: a neighbour with the same beginning is not seen", async (t) => {
    inEnvironment(t, env);
    await targetOf(`s3://${bucket}/wall/one`).put("a", Buffer.from("a"));
    await targetOf(`s3://${bucket}/wall/one-more`).put("b", Buffer.from("b"));
    assert.deepEqual(await keys(targetOf(`s3://${bucket}/wall/one/`)), ["a"]);
    assert.equal(targetOf(`s3://${bucket}/wall/one/`).url, `s3://${bucket}/wall/one`);
  });
}

test("what is no place in S3 is a usage error that repeats nothing of it", () => {
  for (const wrong of [
    "s3://",
    "s3:///x",
    "s3://key:canary@bucket/x",
    "s3://Bucket/x",
    "s3://bucket/../x",
    "s3://bucket/x?secret=canary",
  ]) {
    assert.throws(
      () => targetOf(wrong),
      (error) => error instanceof ToolError && error.exit === 2 && !inspect(error).includes("canary@"),
      wrong,
    );
  }
});

/** A ToolError of exit 6 that carries no secret anywhere a log could find it. */
function isPlaceError(error: unknown, code?: string): error is ToolError {
  assert.ok(error instanceof ToolError, inspect(error));
  assert.deepEqual([error.exit, error.code], [6, code ?? error.code], error.message);
  const everything = inspect(error, { depth: 20, showHidden: true });
  for (const secret of [SECRET_KEY, "canary", "Signature=", "Credential="]) assert.ok(!everything.includes(secret));
  return true;
}
