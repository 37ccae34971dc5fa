// What an older format has to say to whoever writes to it.
import { REPOSITORY_FORMAT } from "./manifest.ts";
import type { Repository } from "./repository.ts";

/** Undefined for a repository of the format that `init` makes. */
export const upgradeHint = ({ url, file }: Repository): string | undefined =>
  file.format >= REPOSITORY_FORMAT
    ? undefined
    : `${url} has format ${file.format}, whose older readers know no states of snapshots: agh-backup upgrade --repo ${url}`;
