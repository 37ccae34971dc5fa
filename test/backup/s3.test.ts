// A repository in S3, end to end: the commands as they are, a server of our own, and a key that may not delete.
import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { run, type RunResult } from "../support/run.ts";
import { startProxy, type ProxiedRequest, type Fate } from "../support/s3-proxy.ts";
import { envOf, SECRET_KEY, startS3 } from "../support/s3-server.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";

const server = await startS3();
if (typeof server === "string") test("a repository in S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  suite(server);
}

interface Bench {
  readonly repo: string;
  readonly requests: readonly ProxiedRequest[];
  backup(...args: string[]): Promise<RunResult>;
  /** The same, where nothing may fail. */
  ok(...args: string[]): Promise<RunResult>;
}

function suite({ port, bucket, objects }: Exclude<typeof server, string>): void {
  let made = 0;

  const bench = async (t: TestContext, fateOf: (request: ProxiedRequest) => Fate): Promise<Bench> => {
    const proxy = await startProxy(port, fateOf);
    t.after(() => proxy.stop());
    const repo = `s3://${bucket}/repo-${++made}`;
    const backup = async (...args: string[]): Promise<RunResult> => {
      const result = await run("backup", [...args, "--repo", repo], { env: envOf(proxy.port) });
      assert.ok(!`${result.stdout}${result.stderr}`.includes(SECRET_KEY), "the secret shows");
      return result;
    };
    const ok = async (...args: string[]): Promise<RunResult> => {
      const result = await backup(...args);
      assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
      return result;
    };
    return { repo, requests: proxy.requests, backup, ok };
  };

  const noDelete = ({ method }: ProxiedRequest): Fate =>
    method === "DELETE" ? { status: 403, name: "AccessDenied" } : "pass";

  test("a home goes there and comes back with a key that may not delete; an unchanged run adds one object", async (t) => {
    const { home } = madeHome(t, { sessions: 10 });
    const { requests, backup, ok } = await bench(t, noDelete);
    assert.equal((await backup("list")).code, 6, "no repository, none made");
    await ok("init");
    assert.equal((await backup("init")).code, 4, "one is there");
    await ok("create", "--home", home);
    const before = requests.length;
    await ok("create", "--home", home);
    assert.equal(requests.slice(before).filter(({ method }) => method === "PUT").length, 1);
    assert.equal((await ok("list")).records.length, 2);
    await ok("verify", "--all", "--level", "full");
    const restored = join(tempDir(t), "restored");
    await ok("restore", "latest", "--to", restored);
    const left = /^(?:vault\.key|daemon\.|\.agh-toolkit|restarts$)/;
    assert.deepEqual(homeDifferences(home, restored, { except: (path) => left.test(path) }), []);
  });

  for (const kind of ["plain", "encrypted"]) {
    test(`${kind}: neighbouring chunks come in one read, for restore, verify and copy`, async (t) => {
      const { home } = madeHome(t, { sessions: 60, events: 10 });
      const { repo, requests, ok } = await bench(t, () => "pass");
      const key = kind === "plain" ? undefined : await ageKey(t);
      const identity = key ? ["--identity", key.file] : [];
      await ok("init", ...(key ? ["--encrypt-to", key.recipient] : []));
      await ok("create", "--home", home);
      const reads = async (...argv: string[]): Promise<number> => {
        const before = requests.length;
        await ok(...argv, ...identity);
        return requests.slice(before).filter(({ method, path }) => method === "GET" && path.includes("/packs/")).length;
      };
      const files = (await ok("show", "latest", ...identity)).records.filter(({ sha256 }) => sha256).length;
      assert.ok(files > 180, `${files} files`);
      const [restored, verified] = [
        await reads("restore", "latest", "--to", join(tempDir(t), "out")),
        await reads("verify", "--all", "--level", "full"),
      ];
      assert.ok(restored <= 20 && verified <= 20, `restore ${restored}, verify ${verified} reads of packs`);
      const there = await bench(t, () => "pass");
      await there.ok("init");
      const copied = await reads("copy", "--all", "--to-repo", there.repo);
      assert.ok(copied <= 20, `copy: ${copied} reads of packs`);
      await there.ok("verify", "--all", "--level", "full");
      t.diagnostic(`figure: ${files} files of ${repo}: restore ${restored}, verify ${verified}, copy ${copied} reads`);
    });
  }

  test("one changed byte of an object is found", async (t) => {
    const { home } = madeHome(t, { sessions: 3 });
    const { repo, backup, ok } = await bench(t, () => "pass");
    await ok("init");
    await ok("create", "--home", home);
    const [pack] = globSync(join(objects, repo.split("/").at(-1)!, "packs/*/*"));
    const bytes = readFileSync(pack!);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(pack!, bytes);
    const { code, records } = await backup("verify", "--all", "--level", "full");
    assert.equal(code, 1);
    assert.equal(records[0]!["kind"], "finding");
  });

  test("a create that a failing server breaks off leaves no snapshot, and the next one completes", async (t) => {
    const { home } = madeHome(t, { sessions: 3 });
    let failing = true;
    const { backup, ok } = await bench(t, ({ method, path }) =>
      failing && method === "PUT" && path.includes("/indexes/") ? { status: 400, name: "InvalidRequest" } : "pass",
    );
    await ok("init");
    assert.equal((await backup("create", "--home", home)).code, 6);
    assert.equal((await ok("list")).records.length, 0);
    failing = false;
    await ok("create", "--home", home);
    await ok("verify", "--all", "--level", "full");
  });
}
