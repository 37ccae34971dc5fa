// A full disk, told with what frees bytes without needing any.
import { toToolError } from "../files/errors.ts";
import { ToolError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";

/** An error about a full disk gets the next command for its hint; any other is returned as it is. */
export function withNoSpaceHint(error: unknown, { place }: Home): unknown {
  const known = toToolError(error);
  if (!(known instanceof ToolError) || known.code !== "E_NO_SPACE") return error;
  const { code, message, exit } = known;
  const hint = `agh-vacuum trash empty --apply --home ${place} needs no free space; agh-vacuum report --home ${place} lists what else frees space`;
  return new ToolError({ code, message, hint, exit, cause: error });
}
