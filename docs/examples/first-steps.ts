// node first-steps.ts HOME DIRECTORY: lists the sessions of a home, counts their events, backs the home up and restores it.
import { join } from "node:path";
import { argv } from "node:process";
import { createRepository, IncompleteError, openHome, type SessionFilter, type SessionRecord } from "agh-toolkit";

const [, , place = "agent-home", directory = "first-steps"] = argv;
using home = await openHome(place);

const newest: SessionFilter = { sort: "-last-event", lastEvents: true };
const sessions: SessionRecord[] = [];
for await (const session of home.sessions(newest)) sessions.push(session);
console.log(sessions.map(({ id, effective, last_event_at }) => `${id} ${effective} ${last_event_at ?? "never"}`));

const types = new Map<string | null, number>();
for await (const { type } of home.events({ merge: true })) types.set(type, (types.get(type) ?? 0) + 1);
console.log(types);

try {
  const repository = await createRepository(join(directory, "backups"));
  const { snapshot } = await repository.createSnapshot(home, { tags: ["first"] });
  const { verdict } = await repository.drill(snapshot.id);
  console.log(snapshot.id, snapshot.files, "files", verdict.verdict);
  await repository.restore(snapshot.id, { to: join(directory, "restored") });
} catch (error) {
  if (!(error instanceof IncompleteError)) throw error;
  console.error(error.message, error.outcome.problems);
}
