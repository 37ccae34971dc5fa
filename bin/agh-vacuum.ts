#!/usr/bin/env node
// agh-vacuum: give space back, safely; the only command that removes history from a home.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { apply } from "./vacuum/apply.ts";
import { compact } from "./vacuum/compact.ts";
import { events } from "./vacuum/events.ts";
import { runs } from "./vacuum/runs.ts";
import { report } from "./vacuum/report.ts";
import { sessions } from "./vacuum/sessions.ts";
import { trash } from "./vacuum/trash.ts";

export const tool: Tool = {
  name: "agh-vacuum",
  summary: "give space back, safely",
  verbs: { report, sessions, events, compact, runs, trash, apply },
  fallback: "report",
  examples: [
    "agh-vacuum report",
    "agh-vacuum sessions --older-than 30d --keep-last 50",
    "agh-inspect sessions --state stopped --json | agh-archive put - --to /mnt/archive | agh-vacuum sessions - --apply",
    "agh-vacuum trash empty --older-than 30d --apply",
  ],
};

launch(tool, import.meta);
