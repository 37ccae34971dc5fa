// P10: writing the ledger of one huge session, and sealing and verifying it.
import { execSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import type { BenchComparison } from "./frame.ts";
import type { Size } from "./places.ts";
import { benchHome, built, scratch } from "./places.ts";

/** A ledger's line, as near as sqlite3 and jq come to it. */
const LINE =
  "select json_object('type','session_event','version',1,'sequence',sequence,'event_id',id,'turn_id',turn_id," +
  "'event_type',type,'agent_name',agent_name,'content',json(content),'timestamp',timestamp) from events order by sequence";

export function ledgerRows(size: Size = "X"): BenchComparison[] {
  const { home, first } = benchHome(size);
  const database = path.join(home, "sessions", first, "events.db");
  const { workspace_id: partition } = JSON.parse(
    fs.readFileSync(path.join(home, "sessions", first, "meta.json"), "utf8"),
  ) as { workspace_id: string };
  const directory = path.join(home, "sessions", partition, first);
  const [ledger, seal] = ["ledger.jsonl", "ledger.seal"].map((name) => path.join(directory, name)) as [string, string];
  const out = scratch("ledger");
  const call = (verb: string): string => `${built("ledger")} ${verb} ${first} --home '${home}' >/dev/null`;
  const sha = { name: "sha256sum", command: `sha256sum '${ledger}' >/dev/null`, needs: "sha256sum" };
  const written = (): void => {
    if (!fs.existsSync(ledger)) execSync(call("write"));
  };
  const most = { text: "≤ 1.5 ×", most: 1.5 };
  return [
    {
      name: "P10",
      what: `ledger of ${size}: write`,
      anchor: {
        name: "sqlite3 | jq -c",
        command: `sqlite3 '${database}' "${LINE}" | jq -c . >'${out.path}'`,
        needs: "jq",
      },
      ours: { name: "agh-ledger write", command: call("write") },
      target: { text: "≤ 0.5 ×", most: 0.5 },
      before: () => {
        out.clear();
        fs.rmSync(directory, { recursive: true, force: true });
      },
      runs: 3,
    },
    {
      name: "P10",
      what: `ledger of ${size}: seal`,
      anchor: sha,
      ours: { name: "agh-ledger seal", command: call("seal") },
      target: most,
      before: () => {
        out.clear();
        written();
        fs.rmSync(seal, { force: true });
      },
    },
    {
      name: "P10",
      what: `ledger of ${size}: verify`,
      anchor: sha,
      ours: { name: "agh-ledger verify", command: call("verify") },
      target: most,
      before: () => {
        written();
        if (!fs.existsSync(seal)) execSync(call("seal"));
      },
    },
  ];
}
