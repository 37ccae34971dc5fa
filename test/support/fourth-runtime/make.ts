// Writes homes as quill would: talks that ended, one that is being held, one whose writer died in the middle of a line.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { talkName, TALKS, type TalkEntry, type TalkHead } from "./talks.ts";

export interface MadeTalk {
  readonly head: TalkHead;
  readonly entries: readonly TalkEntry[];
  /** What the writer had written of another line when it was killed. */
  readonly torn?: string;
}

/** A pid that no process has. */
export const NOBODY = 2 ** 22 + 1;

/** Talks of some turns, a day apart; the last did not end, and the one before it is torn. */
export function makeTalks(count: number): MadeTalk[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `talk-${String(at + 1).padStart(4, "0")}`;
    const day = new Date(Date.UTC(2026, 9, 1 + at, 8));
    const time = (minute: number): string => new Date(day.getTime() + minute * 60_000).toISOString();
    const turns = [1, 2].flatMap((turn): TalkEntry[] => [
      { at: time(turn * 10), turn, who: "user", text: `what does the ${WORDS[at % WORDS.length]} need` },
      { at: time(turn * 10 + 1), turn, who: "thinking", text: "the gutter first" },
      { at: time(turn * 10 + 2), turn, who: "tool", name: "list", input: { path: `./${at}` }, output: ["a", "ü"] },
      {
        at: time(turn * 10 + 3),
        turn,
        who: "agent",
        text: "mend the gutter, then the ridge",
        tokens: { in: 100 + at, out: 20 },
        cost: 0.25,
      },
    ]);
    const end: TalkEntry[] = at === count - 1 ? [] : [{ at: time(40), end: "done" }];
    return {
      head: {
        talk: id,
        title: `roof ${at + 1}`,
        agent: at % 2 ? "scribe" : "clerk",
        model: "q1",
        pid: NOBODY,
        at: time(0),
      },
      entries: [...turns, ...end],
      ...(at === count - 2 && { torn: '{"at":"2026-' }),
    };
  });
}

const WORDS = ["roof", "chimney", "attic"];

export const linesOf = ({ head, entries, torn = "" }: MadeTalk): string =>
  [head, ...entries].map((line) => `${JSON.stringify(line)}\n`).join("") + torn;

/** A home at `root`, which must not exist; each talk a file. */
export function makeQuillHome(root: string, talks: readonly MadeTalk[] = makeTalks(6)): void {
  mkdirSync(join(root, TALKS), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, "quill.json"), '{"format":1}\n', { mode: 0o600 });
  for (const talk of talks) {
    writeFileSync(join(root, TALKS, talkName(talk.head.talk)), linesOf(talk), { mode: 0o600 });
  }
}
