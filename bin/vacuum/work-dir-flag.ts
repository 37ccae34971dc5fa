// Where verbs that rewrite databases make the new ones.
import { option } from "../../lib/cli/flags.ts";

export const workDirFlag = {
  workDir: option<string>("Directory in which new databases are written first; in the home unless given", {
    hint: "DIR",
  }),
};
