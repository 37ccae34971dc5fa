// The family's selectors on archives: answered from receipts, the same sessions that agh-inspect selects in the home.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { archive, archived, ids, removeSessions } from "./bench.ts";

const NOW = ["--now", "2027-01-01T00:00:00Z"] as const;

test("list and verify select what agh-inspect selects", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", real.home, "--to", target);
  const all = (await runHere(inspect, ["sessions", "--home", real.home, "--sort", "-last-event"])).records;
  const [newest, oldest] = [all[0]!, all.at(-1)!];
  const between = String((await archived("list", "--from", target)).records.map((it) => it["last_event_at"]).sort()[5]);
  const seen = new Set<number>();
  for (const selectors of [
    ["--agent", String(newest["agent_name"])],
    ["--agent", "nobody"],
    ["--workspace", String(oldest["workspace_id"])],
    ["--stop-reason", String(newest["stop_reason"])],
    ["--since", between],
    ["--until", between],
    ["--older-than", "30d", ...NOW],
    ["--older-than", "3650d", ...NOW],
    ["--crashed"],
    ["--limit", "3"],
    ["--session", String(newest["id"]).slice(5, 15)],
  ]) {
    const expected = ids(await runHere(inspect, ["sessions", ...selectors, "--home", real.home]));
    const listed = ids(await archived("list", ...selectors, "--from", target));
    assert.deepEqual(listed, expected, selectors.join(" "));
    const verified = ids(
      await archived("verify", ...selectors, ...(selectors[0] === "--limit" ? ["--all"] : []), "--from", target),
    );
    assert.deepEqual(verified, expected, selectors.join(" "));
    seen.add(expected.length);
  }
  assert.ok(seen.size >= 4, `selections of ${[...seen].join()} sessions: too much alike`);
});

test("get brings back what is selected, and nothing else; a limit alone is no selection", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 4 });
  const target = path.join(tempDir(t), "archives");
  const put = await archived("put", "--all", "--home", home, "--to", target);
  removeSessions(home, all);
  const agent = String(put.records[0]!["agent_name"]);
  const selected = ids(await archived("list", "--agent", agent, "--from", target));
  assert.equal((await archive("get", "--limit", "1", "--from", target, "--to", home)).code, 2);
  const got = await archived("get", "--agent", agent, "--from", target, "--to", home);
  assert.deepEqual(ids(got), selected);
  const there = fs.readdirSync(path.join(home, "sessions")).filter((name) => name.startsWith("sess-"));
  assert.deepEqual(there.sort(), selected);
});

test("what is not known of a directory or a tar moved by hand does not match", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 1 });
  const target = path.join(home, "session-archive");
  fs.mkdirSync(target, { mode: 0o700 });
  fs.renameSync(path.join(home, "sessions", all[0]!), path.join(target, all[0]!));
  fs.writeFileSync(path.join(target, "sess-00000000000000aa.tar.gz"), "");
  const [directory] = (await archived("list", "--home", home)).records.filter(({ form }) => form === "directory");
  const listed = (...selectors: string[]) => archived("list", "--home", home, ...selectors).then(ids);
  assert.deepEqual(await listed("--agent", String(directory!["agent_name"])), all);
  assert.deepEqual(await listed("--since", "2000-01-01T00:00:00Z"), []);
  assert.equal((await listed()).length, 2);
});
