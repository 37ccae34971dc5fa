// Whether a session's directory in a home is as good as the one in a snapshot: the same files, and the same events however they lie.
import { relative } from "node:path";
import type { IncomingSession } from "../../custody/incoming-session.ts";
import { hashFile } from "../../files/hash-file.ts";
import { PARTS, type EventFacts, type ReceiptFile } from "../../formats/archive/receipt.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { HomeCustody, OwnTree } from "../../sources/custody.ts";

type Equivalence = (incoming: IncomingSession, tree: OwnTree) => Promise<boolean>;

/** A database may have a WAL here and none in the snapshot; every other file must be the same. */
export function equivalenceIn({ home, source }: OpenPlace, custody: HomeCustody, deps: Deps): Equivalence {
  const isDatabase = (path: string): boolean =>
    source.classify("home", relative(home.root, path), "file").database === "session";

  async function localEvents(id: string): Promise<EventFacts | null> {
    try {
      for await (const session of source.sessions(home, { ids: [id] }, withoutProblems(deps))) {
        const local = custody.inspect(session);
        return local ? (await custody.events(local)).events : null;
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error; // a directory that is no session's
    }
    return null;
  }

  return async (incoming, { part, dir }) => {
    if (part !== PARTS.session) return false;
    const placeOf = ({ path }: ReceiptFile): string => dir + path.slice(part.length);
    const differing = incoming.files.filter(
      (file) =>
        file.type === "file" && file.path.startsWith(`${part}/`) && hashFile(placeOf(file), file.size) !== file.sha256,
    );
    if (!differing.every((file) => isDatabase(placeOf(file)))) return false;
    const events = await (await source.custody!()).events(incoming);
    const here = await localEvents(incoming.id);
    return here !== null && here.sha256 === events.events?.sha256 && here.count === events.events.count;
  };
}
