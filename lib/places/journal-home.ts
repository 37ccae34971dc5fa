// A home as its journal knows it: its roots, its owner, and who changes its rows.
import { foreignOwner } from "../files/as-owner.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { hasUnfinishedRuns } from "../journal/runs.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import type { OpenPlace } from "./detect-source.ts";
import { homeId } from "./home-id.ts";

export async function journalHome(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  deps: Deps,
): Promise<JournalHome> {
  const { runtime, place, root, id } = home;
  const custody = await source.custody?.();
  return {
    runtime,
    place,
    root,
    id,
    placeId: homeId(runtime, root),
    roots: await outsideRoots({ home, source }, deps),
    owner: foreignOwner(root),
    rows: custody?.rowExecutor(home, deps),
    reasonAgainst: hasUnfinishedRuns(root) ? await removalReasons({ home, source }, deps) : () => undefined,
    log: deps.log,
    env: deps.env,
  };
}

async function outsideRoots(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  deps: Deps,
): Promise<Map<string, string>> {
  const roots = await source.roots(home, withoutProblems(deps), { missing: true });
  return new Map(roots.filter(({ name }) => name !== "home").map(({ name, dir }) => [name, dir]));
}

/** Asked of sessions that a killed run was about to remove: the daemon may have run since. */
async function removalReasons(
  { home, source }: Pick<OpenPlace, "home" | "source">,
  deps: Deps,
): Promise<(id: string) => string | undefined> {
  const custody = await (await source.custody?.())?.open(home, deps);
  if (!custody) return () => undefined;
  const reasons = new Map<string, string>();
  for await (const session of source.sessions(home, {}, withoutProblems(deps))) {
    const reason = custody.inspect(session) && custody.reasonAgainst(session);
    if (reason !== undefined) reasons.set(session.id, reason);
  }
  return (id) => reasons.get(id);
}
