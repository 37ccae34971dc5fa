// What each exit code means, in the words of the help, the manual and docs/exit-codes.md.

export const EXIT_MEANINGS: readonly (readonly [code: string, short: string, when: string])[] = [
  ["0", "fine", "ran to the end; nothing wrong (an empty selection is fine)"],
  ["1", "found something", "a check found something, a search found nothing, a diff differs, a verify failed"],
  [
    "2",
    "usage",
    "unknown flag, bad value, malformed stdin, an unknown or ambiguous id as the only operand; nothing was done",
  ],
  [
    "3",
    "partial",
    "some items were skipped, failed or could not be read; each has its record or message with the reason; rerunning is safe",
  ],
  [
    "4",
    "refused",
    "the whole command, before anything was done: daemon live, target exists, upstream error, unsafe permissions",
  ],
  ["5", "busy", "a lock was held past --lock-timeout; try later"],
  ["6", "place", "nothing of the named place could be read, or what was to be written could not be"],
  ["70", "bug", "a bug in this toolkit; -v shows the stack"],
  ["128+n", "signal", "ended by signal n, after clean-up"],
];
