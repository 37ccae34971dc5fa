// What every target must do; each implementation runs this suite.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ToolError } from "../../lib/records/error.ts";
import type { Target } from "../../lib/targets/target.ts";

/** `make` gives an empty target that is gone after the test. */
export function targetContract(name: string, make: (t: TestContext) => Target): void {
  const text = async (target: Target, key: string): Promise<string | undefined> => (await target.get(key))?.toString();

  test(`${name}: what was put is there, whole and in ranges`, async (t) => {
    const target = make(t);
    await target.put("packs/ab/abc.pack", Buffer.from("0123456789"));
    assert.equal(await text(target, "packs/ab/abc.pack"), "0123456789");
    assert.deepEqual(await target.head("packs/ab/abc.pack"), { size: 10 });
    const range = async (offset: number, length: number) =>
      (await target.get("packs/ab/abc.pack", { offset, length }))?.toString();
    assert.equal(await range(2, 3), "234");
    assert.equal(await range(8, 5), "89");
    assert.equal(await range(20, 5), "");
  });

  test(`${name}: an object is never replaced`, async (t) => {
    const target = make(t);
    await target.put("a.json", Buffer.from("first"));
    await target.put("a.json", Buffer.from("second"));
    assert.equal(await text(target, "a.json"), "first");
    await assert.rejects(
      target.put("a.json", Buffer.from("third"), { exclusive: true }),
      (error: ToolError) => error.code === "E_EXISTS",
    );
    assert.equal(await text(target, "a.json"), "first");
  });

  test(`${name}: an object is replaced only where it is what was expected`, async (t) => {
    const target = make(t);
    if (!target.replace) return t.skip("it keeps what it has");
    await target.put("a.json", Buffer.from("first"), { exclusive: true });
    await target.replace("a.json", Buffer.from("second"), Buffer.from("first"));
    assert.equal(await text(target, "a.json"), "second");
    await assert.rejects(
      target.replace("a.json", Buffer.from("third"), Buffer.from("first")),
      (error: ToolError) => error.code === "E_EXISTS",
    );
    assert.equal(await text(target, "a.json"), "second");
  });

  test(`${name}: a staged file is put, and a stage leaves nothing`, async (t) => {
    const target = make(t);
    const stage = target.stage();
    writeFileSync(join(stage.dir, "one"), "staged");
    writeFileSync(join(stage.dir, "two"), "left over");
    await target.put("packs/x", { file: join(stage.dir, "one") });
    stage.discard();
    assert.equal(await text(target, "packs/x"), "staged");
    assert.deepEqual(await keys(target, ""), ["packs/x"]);
  });

  test(`${name}: lists by prefix in the order of keys; what is not there is nothing`, async (t) => {
    const target = make(t);
    for (const key of ["s/b", "s/a", "packs/b/2", "packs/a/1", "top"]) await target.put(key, Buffer.from(key));
    assert.deepEqual(await keys(target, ""), ["packs/a/1", "packs/b/2", "s/a", "s/b", "top"]);
    assert.deepEqual(await keys(target, "packs/"), ["packs/a/1", "packs/b/2"]);
    assert.deepEqual(await keys(target, "none/"), []);
    assert.equal(await target.get("none/x"), undefined);
    assert.equal(await target.head("none/x"), undefined);
  });

  test(`${name}: deleting is final, and deleting nothing is no error`, async (t) => {
    const target = make(t);
    await target.put("a", Buffer.from("a"));
    await target.delete("a");
    await target.delete("a");
    assert.equal(await target.get("a"), undefined);
  });
}

async function keys(target: Target, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of target.list(prefix)) found.push(key);
  return found;
}
