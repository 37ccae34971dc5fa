#!/usr/bin/env node
// agh-ledger: tamper-evident history.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { cat } from "./ledger/cat.ts";
import { checkProof } from "./ledger/check-proof.ts";
import { checkpoint } from "./ledger/checkpoint.ts";
import { compare } from "./ledger/compare.ts";
import { keygen } from "./ledger/keygen.ts";
import { prove } from "./ledger/prove.ts";
import { seal } from "./ledger/seal.ts";
import { verify } from "./ledger/verify.ts";
import { write } from "./ledger/write.ts";

export const tool: Tool = {
  name: "agh-ledger",
  summary: "write, seal and verify ledgers: tamper-evident history",
  verbs: { write, compare, cat, seal, checkpoint, verify, prove, "check-proof": checkProof, keygen },
  examples: [
    "agh-ledger write --all && agh-ledger compare",
    "agh-ledger seal --all --key /etc/agh/ledger.key",
    "agh-ledger verify --pub agh-ledger.key.pub --anchor /mnt/elsewhere/agh.checkpoint",
  ],
};

launch(tool, import.meta);
