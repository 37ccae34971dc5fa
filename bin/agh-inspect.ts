#!/usr/bin/env node
// agh-inspect: read the state of agent runtimes, never change it.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { events } from "./inspect/events.ts";
import { failures } from "./inspect/failures.ts";
import { homes } from "./inspect/homes.ts";
import { hooks } from "./inspect/hooks.ts";
import { overview } from "./inspect/overview.ts";
import { paths } from "./inspect/paths.ts";
import { permissions } from "./inspect/permissions.ts";
import { processes } from "./inspect/processes.ts";
import { search } from "./inspect/search.ts";
import { sessions } from "./inspect/sessions.ts";
import { show } from "./inspect/show.ts";
import { table } from "./inspect/table.ts";
import { tools } from "./inspect/tools.ts";
import { turns } from "./inspect/turns.ts";
import { usage } from "./inspect/usage.ts";
import { vault } from "./inspect/vault.ts";
import { workspaces } from "./inspect/workspaces.ts";

export const tool: Tool = {
  name: "agh-inspect",
  summary: "read what agent runtimes left on disk, without changing it",
  verbs: {
    overview,
    homes,
    paths,
    sessions,
    show,
    events,
    turns,
    usage,
    tools,
    hooks,
    permissions,
    processes,
    workspaces,
    vault,
    failures,
    table,
    search,
  },
  fallback: "overview",
  examples: ["agh-inspect", "agh-inspect sessions --crashed", "agh-inspect events 3c09 --follow"],
};

launch(tool, import.meta);
