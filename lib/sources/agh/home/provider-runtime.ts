// What of an agent's own files in a session's directory may be copied: the transcripts, never keys or settings that hold them.

const BELOW = /^provider-runtime(?:\/|$)/;
const TRANSCRIPT = /\.jsonl$/;

/**
 * Why a path below a session's directory is not copied; undefined where it may be. Directories are entered: what they
 * hold is decided one by one. Pi keeps `settings.json`, `models.json` and `auth.json` (keys) beside its `sessions/`.
 */
export function providerRuntimeExclusion(path: string, type: "file" | "directory" | "other"): string | undefined {
  if (!BELOW.test(path) || type === "directory" || TRANSCRIPT.test(path)) return undefined;
  return "an agent's own settings, which can hold keys";
}
