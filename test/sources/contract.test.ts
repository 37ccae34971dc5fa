// Every source against the one suite, over homes that the real runtimes wrote.
import { dirname } from "node:path";
import type { TestContext } from "node:test";
import { agdd } from "../../lib/sources/agdd/agdd.ts";
import { agh } from "../../lib/sources/agh/agh.ts";
import { agsh } from "../../lib/sources/agsh/agsh.ts";
import type { Source } from "../../lib/sources/source.ts";
import { sourceContract, type ContractHome } from "../contract/source.ts";
import { realHome } from "../support/homes.ts";

interface Known {
  readonly source: Source;
  readonly word: string;
  readonly sessions: number;
}

const HOMES: { readonly [name: string]: Known } = {
  "agh-clean": { source: agh, word: "workspace", sessions: 10 },
  agsh: { source: agsh, word: "stylesheet", sessions: 8 },
  "agsh-v08": { source: agsh, word: "stylesheet", sessions: 8 },
  agdd: { source: agdd, word: "started", sessions: 67 },
  "agdd-nofts": { source: agdd, word: "started", sessions: 18 },
};

for (const [name, { source, word, sessions }] of Object.entries(HOMES)) {
  const make = (t: TestContext): ContractHome | undefined => {
    const real = realHome(t, name);
    if (!real) return undefined;
    const home = source === agdd ? dirname(real.home) : real.home;
    return { home, base: real.base, word, sessions };
  };
  sourceContract(source, name, make);
}
