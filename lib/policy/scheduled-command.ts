// A command that somebody else is to run later, with nobody there to look for the program.
import { usageError } from "../records/error.ts";

/** The program, by its absolute path, and its arguments. */
export type Command = readonly string[];

/** A program that is no absolute path, or a word that one line of text cannot carry → exit 2. */
export function checkCommand(command: Command): void {
  if (!command[0]?.startsWith("/")) {
    throw usageError(
      `'${command[0] ?? ""}' is not an absolute path`,
      "cron and systemd search only a few directories for programs",
    );
  }
  if (command.some((word) => /\p{Cc}/u.test(word)))
    throw usageError("a scheduled command cannot hold a line break or control character");
}
