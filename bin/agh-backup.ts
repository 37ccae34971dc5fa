#!/usr/bin/env node
// agh-backup: a copy you can trust, restored to prove it.
import { launch } from "../lib/cli/launch.ts";
import type { Tool } from "../lib/cli/verb.ts";
import { accept } from "./backup/accept.ts";
import { apply } from "./backup/apply.ts";
import { copy } from "./backup/copy.ts";
import { create } from "./backup/create.ts";
import { diff } from "./backup/diff.ts";
import { drill } from "./backup/drill.ts";
import { head } from "./backup/head.ts";
import { init } from "./backup/init.ts";
import { list } from "./backup/list.ts";
import { prune } from "./backup/prune.ts";
import { reindex } from "./backup/reindex.ts";
import { restore } from "./backup/restore.ts";
import { schedule } from "./backup/schedule.ts";
import { show } from "./backup/show.ts";
import { status } from "./backup/status.ts";
import { trust } from "./backup/trust.ts";
import { upgrade } from "./backup/upgrade.ts";
import { unlock } from "./backup/unlock.ts";
import { verify } from "./backup/verify.ts";
import { watch } from "./backup/watch.ts";

export const tool: Tool = {
  name: "agh-backup",
  summary: "a copy you can trust, restored to prove it",
  verbs: {
    init,
    create,
    list,
    show,
    verify,
    restore,
    drill,
    status,
    diff,
    accept,
    prune,
    apply,
    copy,
    reindex,
    trust,
    upgrade,
    head,
    unlock,
    watch,
    schedule,
  },
  examples: [
    "agh-backup init --repo /mnt/backup/agh",
    "agh-backup create --repo /mnt/backup/agh",
    "agh-backup verify --all --level full --repo /mnt/backup/agh",
    "agh-backup restore latest --to /srv/agh-restored --repo /mnt/backup/agh",
  ],
};

launch(tool, import.meta);
