// How a snapshot is made: the same flags for create, and for what runs it later.
import { choice, option, repeated } from "../../lib/cli/flags.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { identityFlag } from "./repo.ts";

export const createFlags = {
  include: repeated("Also include: vault-key, providers, support-bundles, workspace-env", { hint: "CLASS" }),
  exclude: repeated("Leave out, e.g. logs", { hint: "CLASS" }),
  consistency: choice(
    "cut: one moment of a home in use; cold: its daemon must be stopped, and is locked out during the run",
    ["cut", "cold"],
  ),
  acceptMissing: repeated("Known to be missing, and no finding: a path, or workspaces/ID", { hint: "PATH" }),
  lockTimeout: option("How long cold waits for the daemon to exit; 0s", { hint: "30s", convert: parseDuration }),
};

export const snapshotFlags = {
  tag: repeated("A tag to find the snapshot by", { hint: "TAG" }),
  verify: choice(
    "Verify the new snapshot in the same run; exit 1 on damage. full, deep: every byte, and every database is opened and checked",
    ["quick", "full", "deep"],
  ),
  ...identityFlag,
};
