// agh-backup create: a snapshot of a home, hot.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { option, optionalOperand } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags, type PlaceValues } from "../../lib/cli/selectors.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import type { Items } from "../../lib/records/record.ts";
import { snapshotFlags, createFlags } from "./create-flags.ts";
import { repoFlag, repoOf, withIdentity } from "./repo.ts";

const flags = {
  from: optionalOperand("-", "Read `home` records from stdin, and back up each"),
  ...repoFlag,
  to: option("Only -: write one plain tar to stdout instead of a repository; any tar restores it", { hint: "-" }),
  ...placeFlags,
  ...createFlags,
  ...snapshotFlags,
  ...cronFlags,
};

type Values = Call<typeof flags>["values"];

export const create = verb({
  summary: "back up a home while its daemon runs",
  description:
    "A snapshot shows one moment of the home: the catalog is read in one short transaction while the length of every session's log is recorded; what was committed then is what is copied. Nothing in the home is changed. Files that did not change since the last snapshot are not read again. Every path that is not included is named in the snapshot with its reason; what was to be included and could not be read is a finding in every run (exit 3). Each database is looked at, and the snapshot is compared with the newest one of this home that is neither suspect nor bad: databases that are destroyed, and sessions, events, ledgers and whole directories that are lost, are findings (exit 3), and make the snapshot suspect until they are there again or agh-backup accept says that the loss was meant. What a tombstone, a ledger that holds the events or the runtime's own retention explains is not a loss. A home without sessions and without a catalog is a finding as well (exit 1). The summary's bytes are those added to the repository. In a tar (--to -) a live database is two files, the database and its WAL; SQLite joins them when it opens the database; the last file, .agh-backup.json, names what was left out.",
  flags,
  examples: [
    "agh-backup create --repo /mnt/backup/agh",
    "agh-backup create --include vault-key --exclude logs --tag before-upgrade",
    "agh-backup create --accept-missing workspaces/ws_0123456789abcdef",
    "agh-backup create --verify quick --metrics-file /var/lib/node_exporter/agh.prom",
    "agh-inspect homes | agh-backup create -",
    "agh-backup create --to - | zstd | ssh backup@nas 'cat > agh.tar.zst'",
  ],
  prints: ["snapshot", "finding", "summary", "artefact"],
  run: (call) =>
    withCronReport("agh-backup create", call, (deps) =>
      call.values.to === undefined ? snapshots(call, deps) : tar(call.values, deps),
    ),
});

async function snapshots(call: Call<typeof flags>, deps: Deps): Promise<Items> {
  const { values } = call;
  const options = { ...createOptions(values), repo: repoOf(values, deps) };
  const homes = await readHomes(call);
  const { createSnapshots } = await import("../../lib/backup/create/create.ts");
  return createSnapshots(homes, options, withIdentity(values, deps));
}

async function tar(values: Values, deps: Deps): Promise<Items> {
  const { to, from, repo, tag, verify, identity, dryRun, home, runtime, homeId } = values;
  if (to !== "-") throw usageError(`--to cannot be '${to}'`, `--to - > ${to}.tar, or --repo ${to}`);
  const surplus = {
    "-": from,
    "--repo": repo,
    "--tag": tag[0],
    "--verify": verify,
    "--identity": identity,
    "--dry-run": dryRun || undefined,
  };
  const [word] = Object.entries(surplus).find(([, given]) => given !== undefined) ?? [];
  if (word) throw usageError(`--to - and ${word} exclude each other`);
  const { tarStream } = await import("../../lib/backup/create/tar-stream.ts");
  return tarStream({ home, runtime, homeId }, createOptions(values), deps);
}

type SnapshotValues = Pick<
  Values,
  "include" | "exclude" | "consistency" | "acceptMissing" | "lockTimeout" | "tag" | "verify" | "dryRun"
>;

/** What the flags say of how it is made. */
export function createOptions(values: SnapshotValues) {
  const { include, exclude, consistency = "cut", acceptMissing, lockTimeout, tag: tags, verify, dryRun } = values;
  if (lockTimeout !== undefined && consistency !== "cold") {
    throw usageError("--lock-timeout has no effect without --consistency cold", "--consistency cold");
  }
  const lockTimeoutMs = lockTimeout ?? 0;
  return { include, exclude, consistency, acceptMissing, lockTimeoutMs, tags, verify, toolkit: version, dryRun };
}

async function readHomes({ values, input }: Call<typeof flags>): Promise<readonly PlaceValues[]> {
  const { from, home, runtime, homeId } = values;
  if (from === undefined) return [{ home, runtime, homeId }];
  if (from !== "-") throw usageError(`unexpected operand '${from}'`, `--home ${from}`);
  if (home !== undefined) throw usageError("--home and - exclude each other");
  const { records, ids } = await input.selection([from], ["home"]);
  const piped = records.map((record) => ({ home: record["home"] as string, runtime, homeId: record["id"] as string }));
  return [...piped, ...ids.map((id) => ({ home: id, runtime, homeId: undefined }))];
}
