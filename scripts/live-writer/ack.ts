// What a live writer has committed, in a file that another process reads at any moment.
import fs from "node:fs";

const DIGITS = 12;
const RECORD = 21 + 1 + DIGITS + 1;

export interface Ack {
  /** Call it after the commit has returned. */
  committed(slot: number, session: string, sequence: number): void;
  close(): void;
}

/** One fixed-size line a session, rewritten in place: `sess-… 000000000042`. */
export function openAck(file: string): Ack {
  const fd = fs.openSync(file, "w");
  return {
    committed: (slot, session, sequence) => {
      fs.writeSync(fd, `${session} ${String(sequence).padStart(DIGITS, "0")}\n`, slot * RECORD);
    },
    close: () => fs.closeSync(fd),
  };
}

/** Session id to its last committed sequence: at least so much was in the database before this call. */
export function readAcks(file: string): Map<string, number> {
  const lines = fs.readFileSync(file, "latin1").split("\n");
  const whole = lines.filter((line) => line.length === RECORD - 1);
  return new Map(whole.map((line) => [line.slice(0, 21), Number(line.slice(22))]));
}
