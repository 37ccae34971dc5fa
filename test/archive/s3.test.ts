// agh-archive against a real S3 server: the documented pipe as it is written, kills between its requests, refusals.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, test, type TestContext } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints, spread } from "../support/crash.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { cleanEnv, run } from "../support/run.ts";
import { startProxy, type ProxiedRequest, type Fate } from "../support/s3-proxy.ts";
import { envOf, SECRET_KEY, startS3, type S3Server } from "../support/s3-server.ts";
import { assertEqualHomes } from "../support/sqlite-dump.ts";
import { strength } from "../support/strength.ts";
import { inTempDir, tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { archived, checks, copyOf, removeSessions } from "./bench.ts";

const COMMAND = path.join(PROJECT, "bin/agh-archive.ts");
const PIPE = (url: string): string =>
  `agh-inspect sessions --state stopped --older-than 30d --now 2027-01-01T00:00:00Z --json | agh-archive put - --to ${url} | agh-archive verify -`;

const server = await startS3();
if (typeof server === "string") test("agh-archive on S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  suite(server);
}

/** The commands by their names. */
function binDir(t: TestContext): string {
  const dir = tempDir(t, "bin");
  for (const name of ["agh-inspect", "agh-archive"]) {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${PROJECT}/bin/${name}.ts' "$@"\n`;
    fs.writeFileSync(path.join(dir, name), script, { mode: 0o755 });
  }
  return dir;
}

function suite({ port, env, bucket, objects }: S3Server): void {
  let made = 0;
  const fresh = (): string => `prefix-${++made}`;
  const urlOf = (prefix: string): string => `s3://${bucket}/${prefix}`;
  const at = (prefix: string): string => path.join(objects, prefix);
  const put = (home: string, url: string, more: Readonly<Record<string, string>> = {}) =>
    run("archive", ["put", "--all", "--home", home, "--to", url], { env: { ...env, ...more } });

  /** What an undisturbed put makes of a home. */
  async function reference(home: string): Promise<string> {
    const prefix = fresh();
    const { code, stderr } = await put(home, urlOf(prefix));
    assert.equal(code, 0, stderr);
    return treeDigest(at(prefix), ["content"]);
  }

  test("the documented pipe runs as it is written, and a second time it puts nothing", (t) => {
    const real = realHome(t, "agh-clean");
    if (!real) return;
    const prefix = fresh();
    const pipe = (): Record<string, unknown>[] => {
      const out = execFileSync("bash", ["-o", "pipefail", "-c", PIPE(urlOf(prefix))], {
        env: cleanEnv({ ...env, AGH_HOME: real.home, PATH: `${binDir(t)}:${process.env["PATH"]}` }),
        encoding: "utf8",
      });
      return out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const first = pipe();
    const before = treeDigest(at(prefix), ["content", "mtimeNs"]);
    assert.deepEqual(
      [first.filter(({ kind }) => kind === "archive").length, first.at(-1)!["items"], first.at(-1)!["exit"]],
      [10, 10, 0],
    );
    assert.equal(fs.readdirSync(at(prefix)).length, 20);
    assert.equal(pipe().at(-1)!["items"], 10);
    assert.equal(treeDigest(at(prefix), ["content", "mtimeNs"]), before);
  });

  test("what lies in a bucket is what lies in a directory, and it comes back from there", async (t) => {
    const { home, ids } = madeHome(t, { sessions: 3 });
    const before = copyOf(home, path.join(tempDir(t), "before"));
    const [prefix, dir] = [fresh(), path.join(tempDir(t), "archives")];
    for (const target of [urlOf(prefix), dir]) assert.equal((await put(home, target)).code, 0);
    assert.equal(treeDigest(at(prefix), ["content"]), treeDigest(dir, ["content"]));
    removeSessions(home, ids);
    const got = await run("archive", ["get", "--all", "--from", urlOf(prefix), "--to", home], { env });
    assert.equal(got.code, 0, got.stderr);
    assertEqualHomes(before, home, {
      except: (name) => name === "." || /^(?:sessions(?:\/ws_[0-9a-f]+)?|daemon\.lock|\.agh-toolkit.*)$/.test(name),
    });
  });

  for (const [name, wrong, says] of [
    ["a secret that does not fit", { AWS_SECRET_ACCESS_KEY: "canary-wrong-secret" }, /may not|does not belong/],
    ["a key nobody knows", { AWS_ACCESS_KEY_ID: "AKIANOBODY" }, /does not know the access key|not allowed|may not/],
  ] as const) {
    test(`wrong credentials (${name}): 6, a hint, no secret, nothing put`, async (t) => {
      const { home } = madeHome(t, { sessions: 1 });
      const prefix = fresh();
      for (const verb of ["put", "list", "verify"]) {
        const argv =
          verb === "put" ? ["--all", "--home", home, "--to"] : [...(verb === "list" ? [] : ["--all"]), "--from"];
        const { code, stdout, stderr } = await run("archive", [verb, ...argv, urlOf(prefix)], {
          env: { ...env, ...wrong },
        });
        assert.equal(code, 6, `${verb}: ${stderr}`);
        assert.match(stderr, says);
        assert.match(stderr, /AWS_ACCESS_KEY_ID|AWS_PROFILE/);
        for (const secret of [SECRET_KEY, "canary-wrong-secret"]) assert.ok(!(stdout + stderr).includes(secret));
      }
      assert.equal(fs.existsSync(at(prefix)), false);
    });
  }

  test("a bucket that is not there, and a server that is not: 6, and what to do", async (t) => {
    const { home } = madeHome(t, { sessions: 1 });
    const missing = await put(home, "s3://no-such-bucket/agh");
    assert.equal(missing.code, 6, missing.stderr);
    assert.match(missing.stderr, /the bucket does not exist[^]*aws s3 mb s3:\/\/no-such-bucket/);
    const listed = await run("archive", ["list", "--from", "s3://no-such-bucket/agh"], { env });
    assert.deepEqual([listed.code, listed.stdout], [6, ""]);
    assert.match(listed.stderr, /the bucket does not exist/);
    const proxy = await startProxy(port, () => ({ status: 503, name: "ServiceUnavailable" }));
    t.after(() => proxy.stop());
    const away = await put(home, urlOf(fresh()), { ...envOf(proxy.port), AWS_MAX_ATTEMPTS: "1" });
    assert.equal(away.code, 6, away.stderr);
    assert.match(away.stderr, /no valid answer/);
  });

  test("put killed at any of its calls: the rerun ends with the same bytes", async () => {
    const prefixes = new Map<string, string>();
    const prefixOf = (dir: string): string => prefixes.get(dir) ?? (prefixes.set(dir, fresh()), prefixes.get(dir)!);
    const home = (dir: string): string => path.join(dir, ".agh");
    const { killed } = await crashPoints({
      command: COMMAND,
      env,
      args: (dir) => ["put", "--all", "--home", home(dir), "--to", urlOf(prefixOf(dir))],
      prepare: (dir) => void makeHome(home(dir), { sessions: 2 }),
      check: (dir) => assertReceipted(at(prefixOf(dir))),
      complete: async (dir, { code, stderr }) => {
        assert.equal(code, 0, stderr);
        const undisturbed = path.join(dir, "undisturbed");
        await archived("put", "--all", "--home", home(dir), "--to", undisturbed);
        assert.equal(treeDigest(at(prefixOf(dir)), ["content"]), treeDigest(undisturbed, ["content"]));
      },
      points: 8,
    });
    assert.ok(killed > 3, `${killed} were killed`);
  });

  test("put killed at any of its requests, before the server hears of it or after: the rerun ends with the same bytes", async () => {
    await inTempDir("s3-kills", async (dir) => {
      const home = path.join(dir, ".agh");
      makeHome(home, { sessions: 2 });
      const expected = await reference(home);
      const counted = await putKilled(home, urlOf(fresh()), port, () => undefined);
      assert.equal(counted.signal, null);
      const points = spread(counted.requests, strength("crash points", 5));
      for (const nth of points) {
        for (const heard of [false, true]) {
          const prefix = fresh();
          await putKilled(home, urlOf(prefix), port, (request) =>
            request < nth ? undefined : heard && request === nth ? "lose" : "kill",
          );
          assertReceipted(at(prefix));
          const again = await put(home, urlOf(prefix));
          assert.equal(again.code, 0, `killed at request ${nth}: ${again.stderr}`);
          assert.equal(treeDigest(at(prefix), ["content"]), expected, `killed at request ${nth}`);
        }
      }
    });
  });

  test("a server that fails in the middle ends put with 6, and the rerun with the same bytes", async (t) => {
    const { home } = madeHome(t, { sessions: 2 });
    const expected = await reference(home);
    for (const fate of ["reset", { status: 503, name: "ServiceUnavailable" }] as const) {
      for (const nth of [3, 9]) {
        const prefix = fresh();
        const proxy = await startProxy(port, (request) => (request.nth < nth ? "pass" : fate));
        const failed = await put(home, urlOf(prefix), envOf(proxy.port)).finally(() => proxy.stop());
        assert.equal(failed.code, 6, failed.stderr);
        assertReceipted(at(prefix));
        const again = await put(home, urlOf(prefix));
        assert.equal(again.code, 0, again.stderr);
        assert.equal(treeDigest(at(prefix), ["content"]), expected);
      }
    }
  });

  test("four puts at once into one bucket do no harm", async (t) => {
    const { home } = madeHome(t, { sessions: 3 });
    const expected = await reference(home);
    const prefix = fresh();
    const ran = await Promise.all(Array.from({ length: 4 }, () => put(home, urlOf(prefix))));
    for (const { code, stderr } of ran) assert.ok([0, 5].includes(code!), stderr);
    assert.equal(treeDigest(at(prefix), ["content"]), expected);
  });

  test("get killed at any of its requests leaves the home as it was, and the rerun brings all", async () => {
    await inTempDir("s3-get-kills", async (dir) => {
      const home = path.join(dir, ".agh");
      const { ids } = makeHome(home, { sessions: 2 });
      const prefix = fresh();
      assert.equal((await put(home, urlOf(prefix))).code, 0);
      removeSessions(home, ids);
      const get = ["get", "--all", "--from", urlOf(prefix), "--to"];
      const counted = await killed([...get, copyOf(home, path.join(dir, "count"))], port, () => undefined);
      assert.equal(counted.signal, null);
      for (const nth of spread(counted.requests, strength("crash points", 4))) {
        const copy = copyOf(home, path.join(dir, `at-${nth}`));
        await killed([...get, copy], port, (request) => (request < nth ? undefined : "kill"));
        assert.deepEqual(checks(copy), { integrity: ["ok"], foreign: [] });
        assert.deepEqual(
          fs.readdirSync(path.join(copy, "sessions")).filter((name) => name.startsWith("sess-")),
          [],
        );
        const again = await run("archive", [...get, copy], { env });
        assert.equal(again.code, 0, again.stderr);
        assert.equal(again.records.filter(({ kind }) => kind === "session").length, 2);
      }
    });
  });
}

/** No receipt without its archive. */
function assertReceipted(dir: string): void {
  if (!fs.existsSync(dir)) return;
  const names = fs.readdirSync(dir);
  for (const name of names)
    if (name.endsWith(".receipt.json")) assert.ok(names.includes(name.replace(/receipt\.json$/, "tar.zst")), name);
}

type Strike = (nth: number) => "kill" | "lose" | undefined;

const putKilled = (home: string, url: string, port: number, strike: Strike) =>
  killed(["put", "--all", "--home", home, "--to", url], port, strike);

/** Runs the command behind a proxy that kills it at a request: `lose` lets the server do it, and the command not hear of it. */
async function killed(
  argv: readonly string[],
  port: number,
  strike: Strike,
): Promise<{ readonly requests: number; readonly signal: NodeJS.Signals | null }> {
  let kill = (): void => undefined;
  const fateOf = ({ nth }: ProxiedRequest): Fate => {
    const due = strike(nth);
    if (due === "kill") kill();
    return due === "kill" ? "reset" : (due ?? "pass");
  };
  const proxy = await startProxy(port, fateOf);
  try {
    const child = spawn(process.execPath, [COMMAND, ...argv], { env: cleanEnv(envOf(proxy.port)), stdio: "ignore" });
    kill = () => void child.kill("SIGKILL");
    const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, by) => resolve(by)));
    return { requests: proxy.requests.length, signal };
  } finally {
    await proxy.stop();
  }
}
