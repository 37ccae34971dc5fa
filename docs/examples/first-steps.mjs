// node first-steps.mjs HOME DIRECTORY: lists the sessions of a home, counts their events, backs the home up and restores it.
import { join } from "node:path";
import { argv } from "node:process";
import { createRepository, IncompleteError, openHome } from "agh-toolkit";

const [, , place = "agent-home", directory = "first-steps"] = argv;
using home = await openHome(place);
console.log(`${home.place} is a home of ${home.runtime}`);

for await (const session of home.sessions({ sort: "-last-event", lastEvents: true })) {
  console.log(session.id, session.effective, session.last_event_at);
}

const types = new Map();
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
