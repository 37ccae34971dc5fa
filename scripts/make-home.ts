// make-home DIR: lays down an AGH home of any size, the same for the same seed, and says what it made.
import { parseArgs } from "node:util";
import { makeHome } from "./make-home/home.ts";

const USAGE = `usage: node scripts/make-home.ts DIR [--sessions 200] [--events 500] [--seed 1] [--workspaces 3]
         [--live 0] [--days 60] [--no-ledgers]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    sessions: { type: "string", default: "200" },
    events: { type: "string", default: "500" },
    seed: { type: "string", default: "1" },
    workspaces: { type: "string", default: "3" },
    live: { type: "string", default: "0" },
    days: { type: "string", default: "60" },
    ledgers: { type: "boolean", default: true },
  },
});

const { ledgers, ...counts } = values;
const numbers = Object.fromEntries(Object.entries(counts).map(([name, text]) => [name, Number(text)]));
if (positionals.length !== 1 || !Object.values(numbers).every(Number.isSafeInteger)) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  const began = performance.now();
  const { ids, ...made } = makeHome(positionals[0]!, { ...numbers, ledgers });
  const seconds = (performance.now() - began) / 1000;
  const rate = Math.round(made.events / seconds);
  const rssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    JSON.stringify({
      ...made,
      first: ids[0],
      seconds: Number(seconds.toFixed(2)),
      events_per_second: rate,
      rss_mib: rssMiB,
    }),
  );
}
