// Findings about the directories of sessions: claims of life, metas that AGH would skip, databases it moved aside.
import { joinPath } from "../../../files/os-path.ts";
import { corruptNames } from "./check-catalog.ts";
import { readFileMark } from "../../../files/file-mark.ts";
import type { Check, AghFinding, CheckContext } from "./check-types.ts";
import { EVENTS, META } from "../home/layout.ts";
import { classifyMeta } from "../boot/classify-meta.ts";
import { isDirectory } from "../catalog/workspaces.ts";

export const directories: Check = {
  level: "quick",
  rules: {
    CLAIMS_LIFE: {
      severity: "info",
      verdict: "it is recorded as running, but none of its processes runs",
      arises: "the daemon was killed",
      action: ["classify"],
      loses: "nothing: AGH's next start writes the same, and repairs its last turn",
    },
    SESSION_TWICE: {
      severity: "info",
      verdict: "a second directory with the same id; AGH ignores it",
      arises: "a directory was copied within the home",
      action: [],
      loses: "nothing safe: compare the two, and move one away",
    },
    META_SKIPPED: {
      severity: "warn",
      verdict:
        "AGH skips it: its meta.json names no provider, and its workspace, which would supply one, does not exist",
      arises: "a session of an early version of AGH whose workspace was moved",
      action: [],
      loses: "nothing safe: restore the workspace's directory",
    },
    EVENTS_SET_ASIDE: {
      severity: "error",
      verdict: "AGH has moved a damaged events.db aside and created an empty one",
      arises: "it was damaged when AGH opened it (`agh session repair` does, also with --dry-run)",
      action: ["put-back", "restore", "salvage"],
      loses: "events that its replacement does not contain",
    },
  },
  *find(context) {
    for (const { id, name, path } of context.twice) {
      const message = `${name} has the id ${id} too; AGH ignores it`;
      yield { code: "SESSION_TWICE", id: name, message, evidence: { path, session_id: id } };
    }
    for (const known of context.sessions) {
      const { dir, names, id } = known;
      if (!dir) continue;
      yield* claims(context, id, dir);
      yield* skipped(context, id, dir);
      const aside = corruptNames(names, EVENTS).map((name) => joinPath(dir.path, name));
      if (aside.length > 0) {
        const message = `${id}: ${aside.length} damaged events.db beside the present one`;
        yield { code: "EVENTS_SET_ASIDE", id, message, evidence: { files: aside, path: joinPath(dir.path, EVENTS) } };
      }
    }
  },
};

type Dir = NonNullable<CheckContext["sessions"][number]["dir"]>;

function* claims({ home, daemon, deps }: CheckContext, id: string, { meta, path }: Dir): Generator<AghFinding> {
  const stopped = meta && daemon.alive === false ? classifyMeta(meta, home, deps) : undefined;
  if (!stopped) return;
  const file = joinPath(path, META);
  yield {
    code: "CLAIMS_LIFE",
    id,
    message: `${id} is ${meta!.state} and has no process; AGH's next start marks it as stopped: ${stopped.stop_reason}`,
    evidence: { state: meta!.state, becomes: stopped },
    action: { verb: "classify", subject: { path: file }, expect: { meta: readFileMark(file) }, loses: null },
  };
}

function* skipped({ catalog }: CheckContext, id: string, { meta }: Dir): Generator<AghFinding> {
  if (!meta || meta.provider?.trim()) return;
  const root = catalog.workspaces.get(meta.workspace_id);
  if (root !== undefined && isDirectory(root)) return;
  const message = `${id} names no provider, and the directory of workspace ${meta.workspace_id} does not exist`;
  yield { code: "META_SKIPPED", id, message, evidence: { workspace_id: meta.workspace_id, root_dir: root ?? null } };
}
