// Findings about the directories of sessions: claims of life, metas that AGH would skip, databases it moved aside.
import { joinPath } from "../../files/os-path.ts";
import { corruptNames } from "./findings-catalog.ts";
import { markOf } from "./findings-mark.ts";
import type { Check, Found, Look } from "./findings-rule.ts";
import { EVENTS, META } from "./layout.ts";
import { classify } from "./recovery.ts";
import { isDirectory } from "./workspaces.ts";

export const directories: Check = {
  level: "quick",
  rules: {
    CLAIMS_LIFE: {
      severity: "info",
      verdict: "it claims to run and nothing of it does",
      arises: "the daemon was killed",
      action: ["classify"],
      loses: "nothing: AGH's next start writes the same, and repairs its last turn",
    },
    SESSION_TWICE: {
      severity: "warn",
      verdict: "a second directory with the same id; AGH ignores it",
      arises: "a directory was copied within the home",
      action: [],
      loses: "nothing safe: compare the two, and move one away",
    },
    META_SKIPPED: {
      severity: "warn",
      verdict: "AGH skips it: its meta.json names no provider, and its workspace is not there to tell one",
      arises: "a session of AGH's early days whose workspace was moved",
      action: [],
      loses: "nothing safe: bring the workspace's directory back",
    },
    EVENTS_SET_ASIDE: {
      severity: "error",
      verdict: "AGH has moved a damaged events.db aside and begun an empty one",
      arises: "it was damaged when AGH opened it (`agh session repair` does, also with --dry-run)",
      action: ["put-back", "restore", "salvage"],
      loses: "events that are not in what it is made of",
    },
  },
  *find(look) {
    for (const { id, name, path } of look.twice) {
      const message = `${name} has the id ${id} too; AGH ignores it`;
      yield { code: "SESSION_TWICE", id: name, message, evidence: { path, session_id: id } };
    }
    for (const known of look.sessions) {
      const { dir, names, id } = known;
      if (!dir) continue;
      yield* claims(look, id, dir);
      yield* skipped(look, id, dir);
      const aside = corruptNames(names, EVENTS).map((name) => joinPath(dir.path, name));
      if (aside.length > 0) {
        const message = `${id}: ${aside.length} damaged events.db beside the present one`;
        yield { code: "EVENTS_SET_ASIDE", id, message, evidence: { files: aside, path: joinPath(dir.path, EVENTS) } };
      }
    }
  },
};

type Dir = NonNullable<Look["sessions"][number]["dir"]>;

function* claims({ home, daemon, deps }: Look, id: string, { meta, path }: Dir): Generator<Found> {
  const stopped = meta && daemon.alive === false ? classify(meta, home, deps) : undefined;
  if (!stopped) return;
  const file = joinPath(path, META);
  yield {
    code: "CLAIMS_LIFE",
    id,
    message: `${id} is ${meta!.state} and has no process; AGH makes it stopped, ${stopped.stop_reason}`,
    evidence: { state: meta!.state, becomes: stopped },
    action: { verb: "classify", subject: { path: file }, expect: { meta: markOf(file) }, loses: null },
  };
}

function* skipped({ catalog }: Look, id: string, { meta }: Dir): Generator<Found> {
  if (!meta || meta.provider?.trim()) return;
  const root = catalog.workspaces.get(meta.workspace_id);
  if (root !== undefined && isDirectory(root)) return;
  const message = `${id} names no provider, and workspace ${meta.workspace_id} is not there`;
  yield { code: "META_SKIPPED", id, message, evidence: { workspace_id: meta.workspace_id, root_dir: root ?? null } };
}
