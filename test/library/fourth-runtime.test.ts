// A runtime that no file of the house names: registered from outside, it goes through the contracts and all six commands.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { registerSource } from "../../lib/index.ts";
import { custodyContract } from "../contract/custody.ts";
import { sourceContract } from "../contract/source.ts";
import { makeQuillHome } from "../support/fourth-runtime/make.ts";
import { quill, source } from "../support/fourth-runtime/quill.ts";
import { makeRowsHome, quillRows, source as rowsSource } from "../support/fourth-runtime/rows/quill-rows.ts";
import { tempDir } from "../support/temp.ts";

registerSource(quill);
registerSource(quillRows);

function madeHome(t: TestContext): string {
  const home = join(tempDir(t, "quill"), ".quill");
  makeQuillHome(home);
  return home;
}

sourceContract(source, "quill", (t) => {
  const home = madeHome(t);
  return { home, base: home, word: "gutter", sessions: 6 };
});

custodyContract(source, "quill", (t) => {
  const root = madeHome(t);
  return { root, base: root };
});

function madeRowsHome(t: TestContext): string {
  const home = join(tempDir(t, "quill-rows"), "project");
  makeRowsHome(home);
  return home;
}

sourceContract(rowsSource, "quill-rows", (t) => {
  const home = madeRowsHome(t);
  return { home, base: home, word: "gutter", sessions: 6 };
});

custodyContract(rowsSource, "quill-rows", (t) => {
  const root = madeRowsHome(t);
  const own = { table: "talks", key: "id", time: "at", foreignKey: "talk_id" };
  return { root, base: root, database: "quill.db", own };
});
