// Colour, decided for each stream on its own; picocolors alone looks at stdout only and lets CI force it on.
import type { Io, Terminal } from "./io.ts";

const plain = (text: string): string => text;

/** Makes text bold where the stream is a terminal that wants it; picocolors is loaded only then. */
export async function loadBold(stream: Terminal, io: Io, allowed: boolean): Promise<(text: string) => string> {
  if (!allowed || !stream.isTTY || io.env["NO_COLOR"] || io.env["TERM"] === "dumb") return plain;
  const { default: picocolors } = await import("picocolors");
  return picocolors.createColors(true).bold;
}
