// node test/support/lines-writer.ts WAY=FILE…: JSON Lines {"g":generation,"n":number,…} written as agents do, until killed.
import { appendFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import process from "node:process";

const line = (g: number, n: number, size = 80): string => `${JSON.stringify({ g, n, text: "ü".repeat(size) })}\n`;
const lines = (g: number, count: number): string => Array.from({ length: count }, (_, n) => line(g, n)).join("");

type Way = (file: string) => Promise<never>;

/** What has grown large goes on slowly. */
const slowDown = async (file: string): Promise<void> => {
  if (statSync(file).size > 8 << 20) await sleep(500);
};

/** Appended in pieces that end anywhere, with a pause after each. */
const inPieces =
  (size: number, pauseMs: number, text: number): Way =>
  async (file) => {
    for (let n = 0; ; n++) {
      const bytes = Buffer.from(line(0, n, text));
      for (let at = 0; at < bytes.length; at += size) {
        appendFileSync(file, bytes.subarray(at, at + size));
        await sleep(pauseMs);
      }
      await slowDown(file);
    }
  };

const WAYS: { readonly [name: string]: Way } = {
  whole: async (file) => {
    for (let n = 0; ; n++) {
      appendFileSync(file, line(0, n));
      if (n % 20 === 0) await sleep(1);
      if (n % 1000 === 0) await slowDown(file);
    }
  },
  halves: inPieces(90, 30, 80),
  bytes: inPieces(7, 1, 10),
  large: inPieces(1 << 19, 10, 1 << 20),
  renamed: async (file) => {
    for (let g = 0; ; g++) {
      writeFileSync(`${file}.next`, lines(g, 300));
      renameSync(`${file}.next`, file);
      await sleep(5);
    }
  },
  rewritten: async (file) => {
    for (let g = 0; ; g++) {
      writeFileSync(file, lines(g, 50 + (g % 7) * 40));
      await sleep(60);
    }
  },
};

for (const word of process.argv.slice(2)) {
  const [way = "", file = ""] = word.split("=");
  writeFileSync(file, lines(0, 0));
  void WAYS[way]!(file);
}
setTimeout(() => process.stdout.write("ready\n"), 300);
