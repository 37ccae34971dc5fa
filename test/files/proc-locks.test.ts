// /proc/locks: real flock and POSIX holders are found by pid, and what cannot be known is undefined.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseLocks, readLocks } from "../../lib/files/proc-locks.ts";
import { tempDir } from "../support/temp.ts";

const LOCKS = `1: FLOCK  ADVISORY  WRITE 4721 fe:00:77 0 EOF
1: -> FLOCK  ADVISORY  WRITE 4800 fe:00:77 0 EOF
2: POSIX  ADVISORY  READ 4727 fe:00:88 128 128
3: POSIX  ADVISORY  WRITE 4728 fe:00:88 120 120
4: FLOCK  ADVISORY  READ 9 fe:00:99 0 EOF
5: POSIX  ADVISORY  READ 4729 00:31:55 128 128
a line of no meaning
`;
const dev = 0xfe00n;

test("holders are told by device, inode, kind and byte; who waits holds nothing", () => {
  const locks = parseLocks(LOCKS);
  assert.equal(locks.flockHolder({ dev, ino: 77n }), 4721);
  assert.equal(locks.flockHolder({ dev, ino: 99n }), null, "a shared flock is not the daemon's");
  assert.deepEqual(locks.posixHolders({ dev, ino: 88n }, 128), [4727]);
  assert.deepEqual(locks.posixHolders({ dev, ino: 88n }, 120), [4728]);
  assert.deepEqual(locks.posixHolders({ dev: 0xfe01n, ino: 88n }, 128), [], "another disk's inode 88");
});

test("where the device number is the file system's own invention, a match by inode is 'unknown'", () => {
  const locks = parseLocks(LOCKS);
  assert.deepEqual(locks.posixHolders({ dev: 0x31n, ino: 55n }, 128), [4729]);
  assert.equal(locks.posixHolders({ dev: 0x30n, ino: 55n }, 128), undefined);
  assert.equal(locks.flockHolder({ dev: 0x30n, ino: 77n }), undefined);
});

test("no table, no answer", (t) => {
  assert.equal(readLocks(path.join(tempDir(t), "none")), undefined);
});

test("a real flock is seen while it is held, and not after", async (t) => {
  if (process.platform !== "linux") return t.skip("needs Linux");
  const file = path.join(tempDir(t), "daemon.lock");
  fs.writeFileSync(file, "");
  const stat = fs.statSync(file, { bigint: true });
  assert.equal(readLocks()?.flockHolder(stat), null);
  const child = spawn("flock", ["-n", "-x", file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const holder = readLocks()?.flockHolder(stat);
  child.stdin.end();
  await once(child, "exit");
  assert.equal(holder, child.pid);
  assert.equal(readLocks()?.flockHolder(stat), null);
});
