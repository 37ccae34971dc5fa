// Which archives, the same for the verbs of agh-archive that read them.
import { operands, option, toggle } from "../../lib/cli/flags.ts";
import type { Input } from "../../lib/cli/input.ts";
import type { Meant } from "../../lib/archive/held.ts";
import { usageError } from "../../lib/records/error.ts";
import type { AnyRecord } from "../../lib/records/record.ts";

export const meantFlags = {
  ids: operands("ID", "Sessions, by id or unique prefix; - reads ids or archive records from stdin"),
  from: option<string>("Where they lie: a directory or s3://BUCKET/PREFIX; session-archive in the home unless given", {
    hint: "TARGET",
  }),
  home: option<string>("The home whose session-archive is meant; else AGH_HOME, else ~/.agh", { hint: "DIR" }),
};

export const allFlag = { all: toggle("Every archive there") };

interface Values {
  readonly ids: readonly string[];
  readonly from: string | undefined;
  readonly home: string | undefined;
  readonly all?: boolean;
}

/** Target by target. Records from stdin bring their own target; nothing named at all is a usage error. */
export async function meant(
  values: Values,
  env: { readonly [name: string]: string | undefined },
  input: Input,
): Promise<Meant[]> {
  const { records, ids } = await input.selection(values.ids, ["archive", "session"]);
  const target = async (): Promise<string> => values.from ?? (await defaultTarget(values.home, env));
  const found: Meant[] = [];
  for (const [at, of] of Map.groupBy(records, targetIn)) {
    found.push({
      target: values.from ?? at ?? (await target()),
      ids: of.map((record) => String(record["id"])),
      all: false,
    });
  }
  if (ids.length > 0) found.push({ target: await target(), ids, all: false });
  if (found.length > 0 || values.ids.includes("-")) return found;
  if (values.all === false) throw usageError("which archives?", "name sessions, or say --all");
  return [{ target: await target(), ids: [], all: true }];
}

function targetIn(record: AnyRecord): string | undefined {
  if (typeof record["target"] === "string") return record["target"];
  const home = record["home"];
  return typeof home === "string" && home.startsWith("archive:") ? home.slice("archive:".length) : undefined;
}

async function defaultTarget(home: string | undefined, env: Parameters<typeof meant>[1]): Promise<string> {
  const { archiveTarget } = await import("../../lib/archive/default-target.ts");
  return archiveTarget(home, env);
}
