// P1, P2, P4 and P9: first backup, a second one when nothing changed, a restore, every database checked, against what people use today.
import type { BenchComparison, Contender } from "./frame.ts";
import { evict } from "./measure.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** The backup loop that AGH's documentation shows. */
function documentedLoop(home: string, to: string): string {
  return (
    `mkdir -p '${to}/sessions'; sqlite3 '${home}/agh.db' ".backup '${to}/agh.db'"; ` +
    `for f in '${home}'/sessions/*/events.db; do d=$(basename "$(dirname "$f")"); mkdir -p "${to}/sessions/$d"; ` +
    `sqlite3 "$f" ".backup '${to}/sessions/$d/events.db'"; done`
  );
}

/** Every contender writes below `to`, which is empty, and ends with its bytes on disk. */
export function firstBackupRows(size: Size = "M"): BenchComparison[] {
  const { home } = benchHome(size);
  const out = scratch("backup");
  const to = out.path;
  const before = (): void => {
    out.clear();
    evict(home);
  };
  const backup = built("backup");
  const command = `${backup} init --repo '${to}' >/dev/null && ${backup} create --home '${home}' --repo '${to}' >/dev/null`;
  const ours: Contender = { name: "agh-backup create", command };
  const anchors: [Contender, string, number][] = [
    [{ name: "cp -a", command: `cp -a '${home}' '${to}' && sync -f '${to}'` }, "≤ 0.7 ×", 0.7],
    [
      {
        name: "tar | zstd -3",
        command: `mkdir '${to}' && tar -C '${home}' -cf - . | zstd -q -3 >'${to}/t' && sync -f '${to}'`,
        needs: "zstd",
      },
      "≤ 1.2 ×",
      1.2,
    ],
    [{ name: "borg", command: `${borgInit(to)} && ${borgCreate(home, to)}`, needs: "borg" }, "≤ 0.75 ×", 0.75],
    [{ name: "restic", command: `${resticInit(to)} && ${resticBackup(home, to)}`, needs: "restic" }, "≤ 1.0 ×", 1],
    [{ name: "sqlite3 .backup loop", command: documentedLoop(home, to), needs: "sqlite3" }, "≤ 0.1 ×", 0.1],
  ];
  return anchors.map(([anchor, text, most]) => {
    const what = `first backup of ${size}, cold, against ${anchor.name}`;
    return { name: "P1", what, anchor, ours, target: { text, most }, before, after: () => out.clear(), runs: 3 };
  });
}

/** Both repositories hold one backup already; nothing has changed since. */
export function secondBackupRows(size?: Size): BenchComparison[] {
  return size ? secondBackup(size) : [...secondBackup("M"), ...secondBackup("many")];
}

function secondBackup(size: Size): BenchComparison[] {
  const { home } = benchHome(size);
  const [own, borg] = [scratch(`second-${size}`), scratch(`second-borg-${size}`)];
  own.clear();
  borg.clear();
  const backup = built("backup");
  const create = `${backup} create --home '${home}' --repo '${own.path}' >/dev/null`;
  const first = `[ -e '${own.path}' ] || { ${backup} init --repo '${own.path}' >/dev/null && ${create}; }`;
  const borgFirst = `[ -e '${borg.path}' ] || { ${borgInit(borg.path)} && ${borgCreate(home, borg.path)}; }`;
  return [
    {
      name: "P2",
      what: `second backup of ${size}, nothing changed`,
      anchor: { name: "borg", command: `${borgFirst}; ${borgCreate(home, borg.path)}`, needs: "borg" },
      // The run that measures memory comes first and makes the first backup.
      ours: { name: "agh-backup create", command: `${first}; ${create}` },
      target: { text: "≤ 0.3 ×", most: 0.3 },
      after: () => (own.clear(), borg.clear()),
    },
  ];
}

/** Both write a new directory, and end with its bytes on disk. */
export function restoreRows(size: Size = "M"): BenchComparison[] {
  const { home } = benchHome(size);
  const [from, out] = [scratch(`restore-from-${size}`), scratch("restored")];
  from.clear();
  const [backup, repo, tar] = [built("backup"), `${from.path}/repo`, `${from.path}/home.tar.zst`];
  const made = `mkdir -p '${from.path}' && ${backup} init --repo '${repo}' >/dev/null && ${backup} create --home '${home}' --repo '${repo}' >/dev/null`;
  const tarred = `tar -C '${home}' -cf - . | zstd -q -3 >'${tar}'`;
  const extract = `mkdir '${out.path}' && tar -C '${out.path}' --zstd -xf '${tar}' && sync -f '${out.path}'`;
  return [
    {
      name: "P4",
      what: `restore of ${size}`,
      // The runs that measure memory come first and make what is restored.
      anchor: {
        name: "tar --zstd -x",
        command: `[ -e '${from.path}' ] || { ${made} && ${tarred}; }; ${extract}`,
        needs: "zstd",
      },
      ours: {
        name: "agh-backup restore",
        command: `${backup} restore latest --to '${out.path}' --repo '${repo}' >/dev/null`,
      },
      target: { text: "≤ 0.9 ×", most: 0.9 },
      before: () => out.clear(),
      after: () => (from.clear(), out.clear()),
    },
  ];
}

/** Of a home at rest: the loop is spared the locks and sidecars that it would need in one that is used. */
export function integrityRows(size: Size = "M"): BenchComparison[] {
  const { home } = benchHome(size);
  const loop = `for f in '${home}/agh.db' '${home}'/sessions/*/events.db; do sqlite3 "file:$f?immutable=1" 'PRAGMA integrity_check'; done`;
  return [
    {
      name: "P9",
      what: `integrity check of every database of ${size}`,
      anchor: { name: "sqlite3 loop", command: `[ "$(${loop} | sort -u)" = ok ]`, needs: "sqlite3" },
      // It looks for what AGH expects as well; a finding of any weight is none of the loop's.
      ours: {
        name: "agh-reconcile check --level deep",
        command: `${built("reconcile")} check --level deep --home '${home}' --fail-on error >/dev/null`,
      },
      target: { text: "≤ 0.33 ×", most: 0.333 },
      before: () => evict(home),
      runs: 3,
    },
  ];
}

function borgInit(to: string): string {
  return `borg init -e none '${to}'`;
}

function borgCreate(home: string, to: string): string {
  return `borg create -C zstd,3 '${to}::{now:%s.%f}' '${home}'`;
}

function resticInit(to: string): string {
  return `RESTIC_PASSWORD=x restic init -q -r '${to}'`;
}

function resticBackup(home: string, to: string): string {
  return `RESTIC_PASSWORD=x restic backup -q -r '${to}' '${home}'`;
}
