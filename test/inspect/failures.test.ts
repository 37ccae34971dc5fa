// Failures: which sessions count as failed, and the bundle found where the home lies now.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

test("crashed sessions are told with their bundle here; cancelled ones only on request", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const list = async (...argv: string[]) => (await runHere(tool, ["failures", "--home", real.home, ...argv])).records;
  const found = await list();
  assert.deepEqual(
    found.map(({ id, failure_kind, failed_at }) => [id, failure_kind, failed_at]),
    [
      ["sess-0e2a07363a40f0c0", "process_exit", "2026-11-21T08:20:08.189547771Z"],
      ["sess-1a5b16097c4002a8", "process_exit", "2026-11-21T08:20:11.574463679Z"],
      ["sess-3043ee43dfbf4551", "process_exit", "2026-11-21T08:20:06.832638674Z"],
    ],
  );
  for (const { crash_bundle } of found) assert.ok(fs.existsSync(String(crash_bundle)));
  assert.deepEqual(found[0]!["last_event"], {
    sequence: 20,
    type: "agent_message",
    timestamp: "2026-11-21T08:20:08.159084382Z",
  });
  assert.equal((await list("--failure", "cancellation")).length, 6);
});

test("where the recorded bundle is gone the newest is taken; stderr is cut to 2 KiB at a character", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const bundles = path.join(real.home, "logs/crash-bundles");
  fs.rmSync(path.join(bundles, "sess-0e2a07363a40f0c0-process_exit-1795249208189547771.json"));
  const newest = path.join(bundles, "sess-0e2a07363a40f0c0-process_exit-1795249208340740651.json");
  const bundle = JSON.parse(fs.readFileSync(newest, "utf8")) as object;
  fs.writeFileSync(newest, JSON.stringify({ ...bundle, stderr: `begin ${"ü".repeat(2000)} end` }));
  const [failure] = (await runHere(tool, ["failures", "0e2a0736", "--home", real.home])).records;
  assert.equal(failure!["crash_bundle"], fs.realpathSync(newest));
  const tail = String(failure!["stderr_tail"]);
  assert.match(tail, /^ü+ end$/);
  assert.ok(Buffer.byteLength(tail) <= 2048 && Buffer.byteLength(tail) > 2045);
});
