// events --follow over agsh: what is there, then what is committed, each event once.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { agsh } from "../../lib/sources/agsh/agsh.ts";
import type { EventRange, Home } from "../../lib/sources/source.ts";
import { lines } from "../../lib/records/record.ts";
import { depsOf } from "../sources/agh/boot-world.ts";
import { madeAgsh, text, user, uuid } from "../sources/agsh/make-databases.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const homeAt = (root: string): Home => ({ runtime: "agsh", place: root, root, id: "x", live: true });

/** Gives the contents as they come; ends when the test has seen what it waits for. */
async function* followed(root: string, range: EventRange = {}): AsyncGenerator<unknown, void, undefined> {
  const following = { sessionIds: [uuid(1)], range, idleExit: undefined };
  for await (const block of agsh.follow!(homeAt(root), following, depsOf())) {
    for (const line of lines(block)) yield (JSON.parse(line) as { content: unknown }).content;
  }
}

const put = (file: string, content: string, role = "user"): void => {
  const db = new DatabaseSync(file);
  db.prepare("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)").run(
    uuid(1),
    role,
    content,
    "2026-05-01T00:00:00.1+00:00",
  );
  db.close();
};

test("what is there comes first, then each message as it is committed, in order", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("a"), text("b")] }] });
  const events = followed(home);
  const next = async (): Promise<unknown> => (await events.next()).value;
  assert.equal(await next(), "a");
  assert.deepEqual(await next(), { type: "text", text: "b" });
  for (let n = 0; n < 3; n++) {
    put(file, `more ${n}`);
    assert.equal(await next(), `more ${n}`);
  }
  await events.return();
});

test("--tail cuts what was there, not what comes; --type holds for both; nothing is touched", async (t) => {
  const { home, file } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("a"), user("b"), user("c")] }] });
  const before = treeState(home);
  const events = followed(home, { tail: 1, types: ["user"] });
  assert.equal((await events.next()).value, "c");
  assertUntouched(before, treeState(home));
  put(file, "[]", "assistant");
  put(file, "d");
  put(file, "e");
  assert.equal((await events.next()).value, "d");
  assert.equal((await events.next()).value, "e");
  await events.return();
});

test("it ends when nothing came for so long", async (t) => {
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("a")] }] });
  const found: string[] = [];
  const following = { sessionIds: [uuid(1)], range: {}, idleExit: 1 };
  for await (const block of agsh.follow!(homeAt(home), following, depsOf())) found.push(...lines(block));
  assert.equal(found.length, 1);
});
