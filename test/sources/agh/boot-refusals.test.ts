// What keeps AGH from starting, each case seen with its own daemon; and what looks as if it did, but does not.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { madeHome, realHome } from "../../support/homes.ts";
import { editMeta, idsOf, predicted, sql, type Predicted } from "./boot-world.ts";

const CRASHED = "sess-0e2a07363a40f0c0";
const NO_WORKSPACES =
  "FOREIGN_KEY: agh.db has no workspace ws_62ad7d3a81837308 of 3 sessions, ws_af15ca4552a0488e of 7 sessions";

/** The prediction over agh-clean after it was bent. */
async function predictEdited(t: TestContext, edit: (root: string) => void): Promise<Predicted | undefined> {
  const real = realHome(t, "agh-clean");
  if (!real) return undefined;
  edit(real.home);
  return predicted(real.home);
}

function refuses(boot: Predicted | undefined, reason: string | RegExp, changes: readonly string[] = []): void {
  if (!boot) return;
  assert.equal(boot.starts, false);
  assert.equal(boot.refusals.length, 1, boot.refusals.join("\n"));
  if (typeof reason === "string") assert.equal(boot.refusals[0], reason);
  else assert.match(boot.refusals[0]!, reason);
  assert.deepEqual(
    boot.changes.map(({ id, change }) => `${id} ${change}`),
    changes,
  );
}

const removeCatalog = (root: string): void => {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(root, `agh.db${suffix}`), { force: true });
};

const unknownMigration = (file: string): void =>
  sql(file, "INSERT INTO schema_migrations VALUES (99, 'from_the_future', 'x', '2026-06-01T00:00:00.000000000Z')");

test("a migration that AGH does not know", async (t) => {
  const boot = await predictEdited(t, (root) => unknownMigration(join(root, "agh.db")));
  refuses(boot, "MIGRATION_UNKNOWN: agh.db: migration 99 from_the_future is unknown to AGH");
});

test("a migration whose checksum was changed", async (t) => {
  const boot = await predictEdited(t, (root) =>
    sql(join(root, "agh.db"), "UPDATE schema_migrations SET checksum = 'y' WHERE version = 7"),
  );
  refuses(boot, /^MIGRATION_UNKNOWN: .* migration 7 add_task_run_claim_lease_schema was changed/);
});

test("a migration that is not applied yet is applied; one unknown to a session's events only fails its repair", async (t) => {
  const boot = await predictEdited(t, (root) => {
    sql(join(root, "agh.db"), "DELETE FROM schema_migrations WHERE version = 42");
    unknownMigration(join(root, "sessions", CRASHED, "events.db"));
  });
  if (!boot) return;
  assert.ok(boot.starts);
  assert.deepEqual(boot.changes.slice(0, 2), [
    { id: "agh.db", change: "migrated", versions: [42] },
    { id: CRASHED, change: "repair_fails", reason: "migration 99 from_the_future is unknown to AGH" },
  ]);
});

test("an unknown key in config.toml, at any depth; names of any case and free names are known", async (t) => {
  refuses(
    await predictEdited(t, (root) =>
      appendFileSync(join(root, "config.toml"), "\n[memory.session]\nfrobnicate = 1\n[bogus]\nx = 1\n"),
    ),
    "CONFIG_UNKNOWN_KEY: config.toml sets bogus, memory.session.frobnicate",
  );
  refuses(
    await predictEdited(t, (root) =>
      appendFileSync(join(root, "config.toml"), "\n[[mcp_servers]]\nname = 'a'\nport = 1\n"),
    ),
    "CONFIG_UNKNOWN_KEY: config.toml sets mcp_servers.port",
  );
  const known = await predictEdited(t, (root) => {
    const file = join(root, "config.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace("[http]", "[HTTP]"));
    appendFileSync(file, "\n[sandboxes.any.env]\nANY = 'x'\n[hooks.whatever]\nx = 1\n");
  });
  assert.notEqual(known?.starts, false);
});

test("a config.toml or an mcp.json that cannot be parsed, and an unknown field of a server", async (t) => {
  refuses(
    await predictEdited(t, (root) => appendFileSync(join(root, "config.toml"), "\n[oops\n")),
    /^CONFIG_UNPARSABLE: /,
  );
  refuses(await predictEdited(t, (root) => writeFileSync(join(root, "mcp.json"), "{nope")), /^MCP_UNPARSABLE: /);
  refuses(
    await predictEdited(t, (root) =>
      writeFileSync(join(root, "mcp.json"), '{"mcpServers":{"a":{"command":"x","bogus":1},"b":{"auth":{"type":""}}}}'),
    ),
    "MCP_UNKNOWN_FIELD: mcp.json sets mcpServers.a.bogus",
  );
});

test("a catalog with a garbage header is moved aside, and the empty one in its place knows no workspace", async (t) => {
  const boot = await predictEdited(t, (root) => {
    const file = join(root, "agh.db");
    const bytes = readFileSync(file);
    bytes.write("garbage!".repeat(8), 0);
    writeFileSync(file, bytes);
  });
  refuses(boot, NO_WORKSPACES, ["agh.db quarantined", `${CRASHED} repaired`]);
});

test("a catalog of 0 bytes, and none at all", async (t) => {
  const empty = await predictEdited(t, (root) => truncateSync(join(root, "agh.db")));
  refuses(empty, NO_WORKSPACES, ["agh.db initialised", `${CRASHED} repaired`]);
  refuses(await predictEdited(t, removeCatalog), NO_WORKSPACES, ["agh.db created", `${CRASHED} repaired`]);
});

test("without sessions a new catalog is no obstacle", async (t) => {
  const boot = await predictEdited(t, (root) => {
    removeCatalog(root);
    rmSync(join(root, "sessions"), { recursive: true });
  });
  assert.notEqual(boot?.starts, false);
});

test("a catalog that is a directory, sessions that are none", async (t) => {
  const directory = await predictEdited(t, (root) => {
    removeCatalog(root);
    mkdirSync(join(root, "agh.db"));
  });
  refuses(directory, /^CATALOG_UNREADABLE: /);
  const file = await predictEdited(t, (root) => {
    renameSync(join(root, "sessions"), join(root, "elsewhere"));
    writeFileSync(join(root, "sessions"), "");
  });
  refuses(file, "LAYOUT: sessions is not a directory");
});

test("a soul that the catalog does not have", async (t) => {
  const boot = await predictEdited(t, (root) =>
    editMeta(root, CRASHED, { soul_snapshot_id: "soul-1", soul_digest: "d" }),
  );
  refuses(boot, `FOREIGN_KEY: ${CRASHED} names the soul soul-1, which agh.db does not have`, [`${CRASHED} repaired`]);
});

test("a socket whose path is too long for AGH", async (t) => {
  const boot = await predictEdited(t, (root) =>
    appendFileSync(join(root, "config.toml"), `\n[daemon]\nsocket = "/tmp/${"x".repeat(99)}"\n`),
  );
  refuses(boot, /^SOCKET_TOO_LONG: .* has 104 bytes, AGH takes 103/, [`${CRASHED} repaired`]);
});

test("a lock that somebody holds, as long as he holds it", { skip: process.platform !== "linux" }, async (t) => {
  const { home } = madeHome(t, { sessions: 2 });
  const holder = spawn("flock", ["-x", join(home, "daemon.lock"), "sh", "-c", "echo held; exec cat"]);
  await once(holder.stdout, "data");
  const locked = await predicted(home);
  holder.stdin.end();
  await once(holder, "exit");
  assert.equal(locked.starts, false);
  assert.match(locked.refusals[0]!, /^LOCK_HELD: daemon\.lock is held by process \d+/);
  assert.deepEqual(locked.changes, []);
  const { starts, refusals } = await predicted(home);
  assert.ok(starts, refusals.join());
});

test("neither a key of the vault that nobody can use nor a meta of another form is an obstacle", async (t) => {
  const boot = await predictEdited(t, (root) => {
    writeFileSync(join(root, "vault.key"), "nonsense");
    editMeta(root, "sess-1d3635aac1c9db36", { provider: undefined });
  });
  if (!boot) return;
  assert.ok(boot.starts);
  assert.deepEqual(idsOf(boot, "orphaned"), ["sess-1d3635aac1c9db36"]);
});
