#!/usr/bin/env node
// agh-vacuum: give space back, safely. Announced; its verbs come with a later version.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";

export const tool: Tool = { name: "agh-vacuum", summary: "give space back, safely", verbs: {}, examples: [] };

launch(tool, import.meta);
