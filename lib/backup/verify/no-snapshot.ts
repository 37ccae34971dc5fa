// What is said of a repository in which nothing can be proven.
import type { Finding } from "../../records/result-kinds.ts";

export const noSnapshot = (url: string): Finding => ({
  kind: "finding",
  id: url,
  code: "NO_SNAPSHOT",
  severity: "error",
  message: `${url} contains no snapshot`,
  evidence: { hint: `agh-backup create --repo ${url}` },
});
