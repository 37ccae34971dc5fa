// A runtime that no file of the house names: registered from outside, it goes through the contracts and all six commands.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { registerSource } from "../../lib/index.ts";
import { custodyContract } from "../contract/custody.ts";
import { sourceContract } from "../contract/source.ts";
import { makeQuillHome } from "../support/fourth-runtime/make.ts";
import { quill, source } from "../support/fourth-runtime/quill.ts";
import { tempDir } from "../support/temp.ts";

registerSource(quill);

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
