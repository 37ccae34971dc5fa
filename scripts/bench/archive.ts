// P12: archiving a home's sessions and bringing them back, against sqlite3 and tar in a loop.
import { execSync } from "node:child_process";
import path from "node:path";
import type { BenchComparison } from "./frame.ts";
import { evict } from "./measure.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** One copy by sqlite3 and one tar a session. */
function sqliteAndTarLoop(home: string, to: string): string {
  return (
    `mkdir -p '${to}/w'; for d in '${home}'/sessions/sess-*; do i=$(basename "$d"); mkdir "${to}/w/$i"; ` +
    `sqlite3 "$d/events.db" ".backup '${to}/w/$i/events.db'"; cp -p "$d/meta.json" "${to}/w/$i/"; ` +
    `tar -C '${to}/w' --zstd -cf "${to}/$i.tar.zst" "$i"; rm -r "${to}/w/$i"; done; sync -f '${to}'`
  );
}

export function archivePutRows(size: Size = "M"): BenchComparison[] {
  const { home } = benchHome(size);
  const out = scratch("archive");
  const put = `${built("archive")} put --all --home '${home}' --to '${out.path}' >/dev/null`;
  return [
    {
      name: "P12",
      what: `archive put of the sessions of ${size}`,
      anchor: {
        name: "sqlite3 .backup + tar --zstd, each",
        command: sqliteAndTarLoop(home, out.path),
        needs: "sqlite3",
      },
      ours: { name: "agh-archive put", command: put },
      target: { text: "≤ 0.33 ×", most: 0.333 },
      before: () => (out.clear(), evict(home)),
      after: () => out.clear(),
      runs: 3,
    },
  ];
}

/** Both write into a home whose catalog has no sessions, and end with it on disk. */
export function archiveGetRows(size: Size = "M"): BenchComparison[] {
  const { home } = benchHome(size);
  const [archives, out] = [scratch("archives"), scratch("archive-get")];
  const to = path.join(out.path, ".agh");
  const rows = ["event_summaries", "token_stats", "permission_log", "session_health", "sessions"];
  const empty =
    `mkdir -p '${to}/sessions' && cp '${home}/agh.db' '${to}/agh.db' && chmod 700 '${to}' && ` +
    `sqlite3 '${to}/agh.db' '${rows.map((table) => `DELETE FROM ${table};`).join(" ")}'`;
  const first = `[ -e '${archives.path}' ] || ${built("archive")} put --all --home '${home}' --to '${archives.path}' >/dev/null`;
  const loop = `for a in '${archives.path}'/*.tar.zst; do tar --zstd -xf "$a" -C '${to}/sessions'; done; sync -f '${to}'`;
  const get = `${built("archive")} get --all --from '${archives.path}' --to '${to}' >/dev/null`;
  return [
    {
      name: "P12",
      what: `archive get of the sessions of ${size}`,
      anchor: { name: "tar --zstd -x, each", command: loop, needs: "zstd" },
      ours: { name: "agh-archive get", command: get },
      target: { text: "≤ 1.5 ×", most: 1.5 },
      before: () => (out.clear(), execSync(`${first}; ${empty}`)),
      after: () => (archives.clear(), out.clear()),
      runs: 3,
    },
  ];
}
