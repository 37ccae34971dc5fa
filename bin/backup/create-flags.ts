// How a snapshot is made: the same flags for create, and for what runs it later.
import { choice, option, repeated } from "../../lib/cli/flags.ts";
import { duration } from "../../lib/policy/instant.ts";
import { identityFlag } from "./repo.ts";

export const takeFlags = {
  include: repeated("Also take: vault-key, providers, support-bundles, workspace-env", { hint: "CLASS" }),
  exclude: repeated("Leave out, e.g. logs", { hint: "CLASS" }),
  consistency: choice("cut: one moment of a home in use; cold: its daemon is stopped, and kept out meanwhile", [
    "cut",
    "cold",
  ]),
  lockTimeout: option("How long cold waits for the daemon to end; 0s", { hint: "30s", convert: duration }),
};

export const snapshotFlags = {
  tag: repeated("A word to find it by", { hint: "TAG" }),
  verify: choice("Look for damage in what was made, in the same run (1)", ["quick", "full"]),
  ...identityFlag,
};
