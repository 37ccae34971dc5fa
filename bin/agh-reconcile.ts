#!/usr/bin/env node
// agh-reconcile: compares the catalog with what is on disk.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { apply } from "./reconcile/apply.ts";
import { boot } from "./reconcile/boot.ts";
import { check } from "./reconcile/check.ts";
import { explain } from "./reconcile/explain.ts";
import { plan } from "./reconcile/plan.ts";
import { salvage } from "./reconcile/salvage.ts";
import { unfinished } from "./reconcile/unfinished.ts";
import { undo } from "./reconcile/undo.ts";

export const tool: Tool = {
  name: "agh-reconcile",
  summary: "compare the catalog with what is on disk; plan, apply, undo, salvage",
  verbs: { check, boot, plan, apply, undo, unfinished, salvage, explain },
  fallback: "plan",
  examples: [
    "agh-reconcile check",
    "agh-reconcile plan --json > plan.jsonl && agh-reconcile apply plan.jsonl",
    "agh-reconcile boot",
  ],
};

launch(tool, import.meta);
