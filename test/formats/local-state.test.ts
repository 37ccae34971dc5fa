// What a machine remembers of a repository: whole or not at all, by eight at once, members of later versions included.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { LocalStateFile, type LocalState } from "../../lib/formats/repository/local-state.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { tempDir } from "../support/temp.ts";

const ID = "01K00000000000000000000000";
const known = { home_id: "h", size: 1, sha256: "00" };
const withSnapshot = (state: LocalState, id: string): LocalState => ({
  ...state,
  snapshots: { ...state.snapshots, [id]: known },
});

test("it lies in XDG_STATE_HOME, else below HOME, 0600 below 0700; without either there is none", async (t) => {
  const dir = tempDir(t, "state");
  assert.equal(LocalStateFile.of(ID, {}), undefined);
  assert.equal(LocalStateFile.of(ID, { HOME: "relative" }), undefined);
  assert.equal(LocalStateFile.of("../x", { HOME: dir }), undefined);
  const file = LocalStateFile.of(ID, { HOME: dir })!;
  assert.equal(file.path, join(dir, ".local/state/agh-toolkit", `${ID}.json`));
  assert.equal(LocalStateFile.of(ID, { HOME: dir, XDG_STATE_HOME: "/s" })!.path, `/s/agh-toolkit/${ID}.json`);
  assert.deepEqual(file.read(), { format: 1 });
  await file.update((state) => withSnapshot(state, "a"));
  assert.deepEqual([statSync(file.path).mode & 0o777, statSync(dirname(file.path)).mode & 0o777], [0o600, 0o700]);
});

test("eight at once: nothing that one of them has written is lost", async (t) => {
  const file = LocalStateFile.of(ID, { HOME: tempDir(t, "state") })!;
  const names = Array.from({ length: 8 }, (_, at) => `snapshot-${at}`);
  await Promise.all(names.map((name) => file.update((state) => withSnapshot(state, name))));
  assert.deepEqual(Object.keys(file.read().snapshots!).sort(), names);
});

test("members of a later version stay", async (t) => {
  const file = LocalStateFile.of(ID, { HOME: tempDir(t, "state") })!;
  await file.update((state) => ({ ...state, later: { key: "kept" } }));
  await file.update((state) => withSnapshot(state, "a"));
  assert.deepEqual(file.read(), { format: 1, later: { key: "kept" }, snapshots: { a: known } });
});

test("what was damaged, or is of a later format, is an error, and is not written over", async (t) => {
  const file = LocalStateFile.of(ID, { HOME: tempDir(t, "state") })!;
  await file.update((state) => withSnapshot(state, "a"));
  const sound = readFileSync(file.path);
  const texts = ["", "{}", sound.toString().replace('"size":1', '"size":2'), encodeSealed({ format: 2 }).bytes];
  for (const text of texts) {
    writeFileSync(file.path, text);
    assert.throws(() => file.read(), { exit: 6 });
    await assert.rejects(
      file.update((state) => withSnapshot(state, "b")),
      { exit: 6 },
    );
    assert.equal(readFileSync(file.path, "utf8"), text.toString());
  }
});
