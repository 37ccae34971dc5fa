#!/usr/bin/env node
// agh-archive: retire sessions without losing one, and bring them back.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { exportVerb } from "./archive/export.ts";
import { get } from "./archive/get.ts";
import { list } from "./archive/list.ts";
import { put } from "./archive/put.ts";
import { show } from "./archive/show.ts";
import { verify } from "./archive/verify.ts";

export const tool: Tool = {
  name: "agh-archive",
  summary: "retire sessions without losing one, and bring them back",
  verbs: { put, list, show, verify, get, export: exportVerb },
  examples: [
    "agh-archive put --older-than 30d --to s3://archive/agh",
    "agh-archive verify --all --from s3://archive/agh",
    "agh-archive get 3c09b147 --from s3://archive/agh",
  ],
};

launch(tool, import.meta);
