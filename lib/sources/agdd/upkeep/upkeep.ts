// AGDD's upkeep: the retention that its settings describe and nothing of AGDD obeys, over the runs of storage.db.
import type { RunFacts } from "../../../policy/expired-runs.ts";
import type { Deps } from "../../../records/deps.ts";
import { refusal, usageError } from "../../../records/error.ts";
import { noDatabase } from "../../../sqlite/errors.ts";
import type { Home } from "../../source.ts";
import type { RunSettings, RunSurvey, Upkeep } from "../../upkeep.ts";
import { readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { strangeTriggers } from "../catalog/full-text.ts";
import { eventBytes, runFacts } from "../custody/run-facts.ts";
import { storageOf } from "../home/layout.ts";

export const upkeep: Upkeep = { runs: { settings: retentionSettings, read: readRuns } };

function retentionSettings(home: Home, deps: Deps): RunSettings {
  const { file, exists, settings, brand } = storageOf(home, deps);
  if (!exists) throw noDatabase(file);
  // A setting that cannot be read, and that says what is removed or what is to be done before, stops here.
  const bad = settings.bad.find(({ name }) => name === "archive_enabled" || name === "hot_days");
  if (bad) throw usageError(bad.message, "AGDD does not start with it either");
  return {
    hotDays: settings.hotDays,
    archive: settings.archiveEnabled ? { destination: settings.archiveDestination } : undefined,
    prefix: `${brand.toUpperCase()}_STORAGE`,
  };
}

function readRuns(
  home: Home,
  deps: Deps,
  keep: (runs: readonly RunFacts[]) => ReadonlyMap<string, unknown>,
): RunSurvey {
  const { file } = storageOf(home, deps);
  const { strange, ...survey } = readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const runs = runFacts(db);
    const kept = keep(runs);
    const expired = runs.filter(({ id }) => !kept.has(id));
    const bytes = eventBytes(
      db,
      expired.map(({ id }) => id),
    );
    const weighed = expired.map((run) => ({ ...run, bytes: run.bytes + (bytes.get(run.id) ?? 0) }));
    return { runs, expired: weighed, strange: strangeTriggers(db) };
  });
  const [name] = strange;
  if (name === undefined) return survey;
  throw refusal("E_STRANGE_TRIGGER", `${file} has a trigger '${name}' that AGDD does not create`, "inspect it first");
}
