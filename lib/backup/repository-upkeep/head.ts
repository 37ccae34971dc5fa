// The newest head of a signed repository's log, to be kept elsewhere: a later rollback shows against it.
import { openRepository } from "../../formats/repository/repository.ts";
import type { Deps } from "../../records/deps.ts";
import { Artefact, type Item } from "../../records/record.ts";
import { refusal } from "../../records/error.ts";

/** Yields the note. A repository that is not signed, or whose key nobody knows, is refused (4). */
export async function* printHead(url: string, { env }: Deps): AsyncGenerator<Item> {
  const repo = await openRepository(url, { env });
  if (repo.file.sign === undefined) {
    throw refusal("E_NOT_SIGNED", `${repo.url} is not signed`, `agh-backup upgrade --sign KEY --repo ${repo.url}`);
  }
  if (!repo.authorship) {
    throw refusal(
      "E_KEY_UNKNOWN",
      `the key that signs ${repo.url} is not known here`,
      "--pub FILE, or agh-backup trust",
    );
  }
  const note = await repo.authorship.newestHead();
  if (!note) throw refusal("E_NO_HEAD", `${repo.url} has no head yet`, `agh-backup create --repo ${repo.url}`);
  yield new Artefact(note);
}
