// What somebody may do who can write to a repository: each row of the table in docs/security.md, by its anchor.
import { cpSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Encrypter } from "age-encryption";
import { signRepositoryFile } from "../../lib/formats/repository/authorship/signatures.ts";
import { decodeSealed, encodeSealed } from "../../lib/formats/sealed-json.ts";
import { parseSigner } from "../../lib/formats/seal/note-key.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { snapshotsIn, type AttackedRepository } from "./signed-repository.ts";

export interface Deed {
  /** Returns false where there is nothing of the kind to be done. */
  readonly act: (world: AttackedRepository) => void | false | Promise<void | false>;
  /** Whether what is written next can be read by him; else whether verify finds it. */
  readonly about?: "what create writes";
}

type RepositoryJson = { id: string; encryption: unknown; [key: string]: unknown };

const at = (world: AttackedRepository, ...path: string[]): string => join(world.repo, ...path);
const isSigned = ({ protection }: AttackedRepository): boolean => !["plain", "encrypted"].includes(protection);
const readJson = (file: string): RepositoryJson => {
  const { digest: _, ...content } = decodeSealed(readFileSync(file))!;
  return content as unknown as RepositoryJson;
};

function editRepository(world: AttackedRepository, edit: (file: RepositoryJson) => object): void {
  const file = at(world, "repository.json");
  writeFileSync(file, encodeSealed(edit(readJson(file))).bytes);
}

const newest = (world: AttackedRepository): string => snapshotsIn(world.repo).at(-1)!;
const sigOf = (name: string): string => name.replace(".json", ".sig");

function removeNewest(world: AttackedRepository): void {
  unlinkSync(at(world, "snapshots", newest(world)));
}

function copyFrom(from: string, world: AttackedRepository, name: string): void {
  cpSync(join(from, name), at(world, name));
}

/** A file of his own making, as everybody can make who knows the recipients. */
async function put(world: AttackedRepository, name: string, content: object): Promise<void> {
  const { bytes } = encodeSealed(content);
  if (world.protection === "plain" || !name.startsWith("snapshots/")) return writeFileSync(at(world, name), bytes);
  const encrypter = new Encrypter();
  encrypter.addRecipient(world.owner.recipient);
  writeFileSync(at(world, name), await encrypter.encrypt(bytes));
}

const EMPTY_TOTALS = { files: 0, directories: 0, sessions: 0, bytes: 0, new_files: 0, new_bytes: 0, stored_bytes: 0 };

const forgedManifest = (id: string) => ({
  format: 2,
  id,
  runtime: "agh",
  home_id: "forged",
  home_path: "/forged",
  hostname: "forged",
  toolkit: "1",
  sqlite: "3",
  started_at: "2026-01-01T00:00:00.000Z",
  finished_at: "2026-01-01T00:00:00.000Z",
  consistency: "cut",
  cut_at: null,
  skew_ms: 0,
  tags: [],
  parent: null,
  classes: [],
  roots: [],
  listing: { chunks: [], pages: 0, lines: 0 },
  totals: EMPTY_TOTALS,
  coverage: [],
});

export const DEEDS: { readonly [anchor: string]: Deed } = {
  "change-bytes": {
    act: (world) => {
      const pack = readdirSync(at(world, "packs"), { recursive: true, encoding: "utf8" }).find((it) =>
        it.endsWith(".pack"),
      )!;
      const bytes = readFileSync(at(world, "packs", pack));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(at(world, "packs", pack), bytes);
    },
  },
  "swap-snapshots": {
    act: (world) => {
      const [a, b] = snapshotsIn(world.repo).map((name) => at(world, "snapshots", name));
      const bytes = readFileSync(a!);
      cpSync(b!, a!);
      writeFileSync(b!, bytes);
    },
  },
  "forge-snapshot": { act: (world) => put(world, `snapshots/${FORGED}.json`, forgedManifest(FORGED)) },
  "remove-snapshot": { act: removeNewest },
  "remove-with-head": {
    act: (world) => {
      const name = newest(world);
      removeNewest(world);
      if (!isSigned(world)) return;
      unlinkSync(at(world, "snapshots", sigOf(name)));
      unlinkSync(at(world, "heads", readdirSync(at(world, "heads")).sort().at(-1)!));
    },
  },
  "replay-snapshot": {
    act: (world) => {
      copyFrom(world.earlier, world, `snapshots/${world.pruned}.json`);
      if (isSigned(world)) copyFrom(world.earlier, world, `snapshots/${world.pruned}.sig`);
    },
  },
  "roll-back": {
    act: (world) => {
      rmSync(world.repo, { recursive: true });
      cpSync(world.earlier, world.repo, { recursive: true });
    },
  },
  "replace-repository": {
    act: (world) => {
      rmSync(world.repo, { recursive: true });
      cpSync(world.other, world.repo, { recursive: true });
    },
  },
  "remove-head": { act: (world) => (isSigned(world) ? unlinkSync(at(world, "heads", "0000000002.note")) : false) },
  "strip-signatures": {
    act: (world) => {
      if (!isSigned(world)) return false;
      rmSync(at(world, "heads"), { recursive: true });
      for (const name of snapshotsIn(world.repo)) unlinkSync(at(world, "snapshots", sigOf(name)));
      editRepository(world, ({ sign: _sign, signature: _signature, ...file }) => file);
      return undefined;
    },
  },
  "sign-anew": {
    act: (world) => {
      if (!isSigned(world)) return false;
      const signer = parseSigner(readFileSync(world.attacker.signKey, "utf8"))!;
      editRepository(world, (file) => signRepositoryFile(file as never, signer));
      return undefined;
    },
  },
  "edit-repository-file": {
    act: (world) => editRepository(world, (file) => ({ ...file, created_at: "2020-01-01T00:00:00.000Z" })),
  },
  "add-file": { act: (world) => writeFileSync(at(world, "snapshots", "note.txt"), "hello") },
  "forge-acceptance": {
    act: async (world) => {
      const [id, snapshot] = [FORGED, newest(world).slice(0, 26)];
      cpSync(at(world, "snapshots"), at(world, "accepted"), { recursive: true });
      for (const name of readdirSync(at(world, "accepted"))) unlinkSync(at(world, "accepted", name));
      const accepted_at = "2027-01-01T00:00:00.000Z";
      await put(world, `accepted/${id}.json`, { format: 2, id, snapshot, home_id: "x", because: "so", accepted_at });
    },
  },
  "forge-drill": {
    act: async (world) => {
      const [id, snapshot] = [FORGED, newest(world).slice(0, 26)];
      const [started_at, finished_at] = ["2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"];
      const drill = { format: 2, id, snapshot, home_id: "x", toolkit: "1", started_at, finished_at };
      await put(world, `drills/${id}.json`, { ...drill, verdict: "failed", counts: {}, findings: [] });
    },
  },
  "remove-drills": { act: (world) => rmSync(at(world, "drills"), { recursive: true }) },
  "forge-locks": {
    act: async (world) => {
      cpSync(at(world, "snapshots"), at(world, "locks"), { recursive: true });
      for (const name of readdirSync(at(world, "locks"))) unlinkSync(at(world, "locks", name));
      await put(world, `locks/${FORGED}.json`, { host: "x", expires_at: "2999-01-01T00:00:00.000Z" });
    },
  },
  "remove-everything": { act: (world) => rmSync(world.repo, { recursive: true }) },
  "drop-encryption": {
    about: "what create writes",
    act: (world) => {
      if (world.protection === "plain") return false;
      editRepository(world, (file) => ({ ...file, encryption: null }));
      return undefined;
    },
  },
  "add-recipient": {
    about: "what create writes",
    act: (world) => {
      const recipients = world.protection === "plain" ? [] : [world.owner.recipient];
      editRepository(world, (file) => ({
        ...file,
        encryption: { age: [...recipients, world.attacker.identity.recipient] },
      }));
    },
  },
  "own-repository": {
    about: "what create writes",
    act: (world) => {
      for (const name of readdirSync(world.repo)) rmSync(at(world, name), { recursive: true });
      const file = { format: 2, id: ulid(new Date()), created_at: "2026-01-01T00:00:00.000Z" };
      const encryption = { age: [world.attacker.identity.recipient] };
      writeFileSync(at(world, "repository.json"), encodeSealed({ ...file, encryption }).bytes);
    },
  },
  "write-nothing": { about: "what create writes", act: () => undefined },
};

const FORGED = "01M8QZZZZZZZZZZZZZZZZZZZZZ";
