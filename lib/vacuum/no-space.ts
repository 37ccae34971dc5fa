// A full disk, told with what frees bytes without needing any.
import { unforeseen } from "../files/trouble.ts";
import { ToolError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";

/** An error about a full disk gets the next command for its hint; any other is returned as it is. */
export function withRoom(error: unknown, { place }: Home): unknown {
  const known = unforeseen(error);
  if (!(known instanceof ToolError) || known.code !== "E_NO_SPACE") return error;
  const { code, message, exit } = known;
  const hint = `agh-vacuum trash empty --apply --home ${place} needs no space; agh-vacuum report --home ${place} names what else frees some`;
  return new ToolError({ code, message, hint, exit, cause: error });
}
