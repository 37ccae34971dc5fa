// Ways to destroy a file of a home, each of which leaves the rest as it is.
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export type Damage = (home: string) => void;

/** What is done, and one of the codes that must be found for it. */
export type DamageRow = readonly [name: string, damage: Damage, code: string];

export const sql =
  (file: string, ...statements: readonly string[]): Damage =>
  (home) => {
    const db = new DatabaseSync(join(home, file));
    for (const statement of statements) db.exec(statement);
    db.close();
  };

const bytes =
  (file: string, change: (content: Buffer) => Buffer): Damage =>
  (home) =>
    writeFileSync(join(home, file), change(readFileSync(join(home, file))));

export const zeros = (file: string): Damage => bytes(file, (content) => Buffer.alloc(content.length));
export const empty = (file: string): Damage => bytes(file, () => Buffer.alloc(0));
const garbage = (file: string): Damage =>
  bytes(file, () => Buffer.from("<html>sign in to this network</html>\n".repeat(300)));
const halved =
  (file: string): Damage =>
  (home) =>
    truncateSync(join(home, file), Math.floor(statSync(join(home, file)).size / 2 / 4096) * 4096);
const byteAt = (file: string, at: number, value: number): Damage =>
  bytes(file, (content) => (content.writeUInt8(value, at), content));
const freePages = (file: string): Damage =>
  bytes(file, (content) => (content.writeUInt32BE(content.length / 4096, 32), content.writeUInt32BE(1, 36), content));
const lastPage = (file: string): Damage => bytes(file, (content) => content.fill(0, content.length - 4096));
export const remove =
  (path: string): Damage =>
  (home) =>
    rmSync(join(home, path), { recursive: true });
export const directory =
  (path: string): Damage =>
  (home) => {
    remove(path)(home);
    mkdirSync(join(home, path));
  };
export const replace =
  (file: string, by: string): Damage =>
  (home) =>
    cpSync(join(home, by), join(home, file));

export const shapes = (file: string): readonly DamageRow[] => [
  [`${file}: zeros`, zeros(file), "DATABASE_DESTROYED"],
  [`${file}: empty`, empty(file), "DATABASE_DESTROYED"],
  [`${file}: half of it`, halved(file), "DATABASE_DESTROYED"],
  [`${file}: another file`, garbage(file), "DATABASE_DESTROYED"],
  [`${file}: a byte of its header`, byteAt(file, 16, 0xff), "DATABASE_DESTROYED"],
  [`${file}: a byte of its first word`, byteAt(file, 3, 0), "DATABASE_DESTROYED"],
  [`${file}: no schema`, bytes(file, (content) => content.fill(0, 100, 4096)), "DATABASE_DESTROYED"],
  [`${file}: a forged list of free pages`, freePages(file), "DATABASE_DESTROYED"],
  [`${file}: its last page zeroed`, lastPage(file), "DATABASE_DESTROYED"],
  [`${file}: gone`, remove(file), "DATABASE_DESTROYED"],
];
