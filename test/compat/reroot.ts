// Lays out a fixture where a test wants it. It was made at a fixed place, and journals and saved plans name that place and
// inodes: both are put right, and what is sealed is sealed again.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where every fixture was made. */
export const FIXED = "/home/ops/fixture";
/** The id that AGH's home had there, where none was given to it. */
const FIXED_ID = "359c6106119cc17d";

export interface FixtureCommand {
  readonly tool: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The file whose bytes are its stdin. */
  readonly stdin?: string;
}

/** `fixture.json`, at the top of every fixture. */
export interface Fixture {
  readonly name: string;
  readonly what: string;
  /** How it was made. */
  readonly made: readonly string[];
  /** What is to be run on it, in order. */
  readonly run: readonly FixtureCommand[];
  /** The homes in it whose state counts, by name. */
  readonly homes: readonly string[];
  /** Their states before a run was applied, where undoing or restoring leads back to it. */
  readonly before?: Readonly<Record<string, readonly string[]>>;
  /** Whether it holds the journal of a killed run. */
  readonly journal: boolean;
  /** Inode → file, as it was when the fixture was made. */
  readonly inodes: Readonly<Record<string, string>>;
  /** What the fingerprints of saved plans were taken from. */
  readonly fingerprints?: Readonly<Record<string, string>>;
}

/** Unpacks into an empty directory and makes it a home of there. */
export function layOut(archive: string, directory: string): Fixture {
  execFileSync("tar", ["-xpzf", archive, "-C", directory]);
  const file = path.join(directory, "fixture.json");
  const fixture = JSON.parse(fs.readFileSync(file, "utf8").replaceAll(FIXED, directory)) as Fixture;
  fs.rmSync(file);
  reroot(directory, fixture);
  return fixture;
}

function reroot(directory: string, { inodes, fingerprints = {} }: Fixture): void {
  const inodeOf = (old: string): string => {
    const name = inodes[old];
    const stat =
      name === undefined
        ? undefined
        : fs.lstatSync(path.join(directory, name), { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? old : String(stat.ino);
  };
  const here = createHash("sha256")
    .update(["agh", os.hostname(), path.join(fs.realpathSync(directory), ".agh")].join("\0"))
    .digest("hex");
  const moved = (text: string): string =>
    text
      .replaceAll(FIXED, directory)
      .replaceAll(FIXED_ID, here.slice(0, 16))
      .replace(/"ino":("?)(\d+)\1/g, (_, quote: string, ino: string) => `"ino":${quote}${inodeOf(ino)}${quote}`);
  const prints = Object.entries(fingerprints).map(([old, from]) => {
    // The files' own stamps: path NUL inode NUL size NUL mtime; of what was emptied: path NUL path NUL type NUL inode NUL size.
    const now = from.replace(/\0(\d+)\0/g, (_, ino: string) => `\0${inodeOf(ino)}\0`);
    return [old, createHash("sha256").update(now).digest("hex").slice(0, old.length)] as const;
  });
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const file = path.join(directory, name);
    if (/\.agh-toolkit\/journal\/[^/]+\/(?:journal|done)\.json$/.test(name))
      rewrite(file, (bytes) => sealedAgain(bytes, moved));
    else if (/^plan[^/]*\.jsonl$/.test(name)) {
      rewrite(file, (bytes) => {
        let text = moved(bytes.toString());
        for (const [old, now] of prints) text = text.replaceAll(old, now);
        return Buffer.from(text);
      });
    }
  }
}

/** lib/formats/sealed.ts: the last key `digest` is the SHA-256 of the bytes before it. A half written one stays as it is. */
export function sealedAgain(bytes: Buffer, change: (text: string) => string): Buffer {
  const [key, end] = ['"digest":"', '"}\n'];
  const body = bytes.subarray(0, Math.max(0, bytes.length - key.length - 64 - end.length));
  const digest = (of: Buffer): string => createHash("sha256").update(of).digest("hex");
  if (!bytes.subarray(body.length).equals(Buffer.from(key + digest(body) + end))) return bytes;
  const now = Buffer.from(change(body.toString()));
  return Buffer.concat([now, Buffer.from(key + digest(now) + end)]);
}

/** Keeps the file's mode and times, and those of its directory. */
function rewrite(file: string, change: (bytes: Buffer) => Buffer): void {
  const [stat, parent] = [fs.statSync(file), fs.statSync(path.dirname(file))];
  fs.writeFileSync(file, change(fs.readFileSync(file)));
  fs.utimesSync(file, stat.atime, stat.mtime);
  fs.utimesSync(path.dirname(file), parent.atime, parent.mtime);
}

// Everything in a home was written before this; what is younger is of the run, and its time does not count.
const WRITTEN = Date.parse("2026-11-22T00:00:00Z");
const PASSING = /(?:^|\/)(?:daemon\.lock|[^/]*-(?:shm|wal))$/;
/** What others read as well; how a run stages its files is its own affair. */
const OWN = /^\.agh-toolkit\/(?:trash\/(?!.*\.tmp$)|tombstones\/|journal\/[^/]+\/(?:journal|done)\.json$)/;
const ULID = /\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g;

/**
 * A home in lines that are the same wherever it lies: path, mode, bytes, time; of databases the rows, whatever lies in the
 * WAL; of the toolkit's own state only the names of the files in the trash, of tombstones and of journals.
 */
export function stateOf(home: string): string[] {
  const lines: string[] = [];
  const visit = (name: string): void => {
    const file = path.join(home, name);
    const stat = fs.lstatSync(file);
    const mode = (stat.mode & 0o7777).toString(8);
    if (PASSING.test(name)) return;
    if (name.startsWith(".agh-toolkit")) {
      if (OWN.test(name) && (stat.isFile() || stat.isSymbolicLink())) lines.push(name.replace(ULID, "ULID"));
    } else if (stat.isDirectory()) lines.push(`${name}/ ${mode}`);
    else if (stat.isSymbolicLink()) lines.push(`${name} -> ${fs.readlinkSync(file)}`);
    else {
      const time = stat.mtimeMs < WRITTEN ? new Date(stat.mtimeMs).toISOString() : "new";
      const rows = rowsOf(file);
      lines.push(
        rows === undefined
          ? `${name} ${mode} ${stat.size} ${sha(fs.readFileSync(file))} ${time}`
          : `${name} ${mode} ${rows}`,
      );
    }
    if (stat.isDirectory())
      for (const child of fs.readdirSync(file).toSorted()) visit(name === "." ? child : `${name}/${child}`);
  };
  visit(".");
  return lines.sort();
}

const sha = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex").slice(0, 16);

/** The rows of every table in one digest; undefined of what is no database. */
function rowsOf(file: string): string | undefined {
  if (fs.readFileSync(file).subarray(0, 16).toString("latin1") !== "SQLite format 3\0") return undefined;
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "compat-rows-"));
  const copy = path.join(scratch, "copy.db");
  try {
    fs.copyFileSync(file, copy);
    fs.chmodSync(copy, 0o600);
    for (const suffix of ["-wal", "-journal"])
      if (fs.existsSync(file + suffix)) fs.copyFileSync(file + suffix, copy + suffix);
    const db = new DatabaseSync(copy);
    try {
      const tables = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")
        .all();
      const digests = tables.map(({ name }) => {
        const cells = db
          .prepare(`PRAGMA table_info("${String(name)}")`)
          .all()
          .map((it) => `quote("${String(it["name"])}")`)
          .join(" || ',' || ");
        const rows = db.prepare(`SELECT ${cells} AS line FROM "${String(name)}" ORDER BY 1`).all();
        return [name, rows.length, sha(rows.map((row) => String(row["line"])).join("\n"))];
      });
      // How a full-text index is laid out is nobody's affair.
      const own = digests.filter(([name]) => !/_fts_/.test(String(name)) && name !== "sqlite_stat1");
      const total = own.reduce((sum, [, rows]) => sum + Number(rows), 0);
      return `database ${own.length} tables ${total} rows ${sha(JSON.stringify(own))}`;
    } finally {
      db.close();
    }
  } catch (error) {
    return `broken database ${(error as Error).message}`;
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
}
