// The command line that runs this very command again, for who is to run it without a shell or a search path.

/** Node and the tool's file, both absolute. */
export const program = (): readonly string[] => [process.execPath, process.argv[1] ?? ""];
