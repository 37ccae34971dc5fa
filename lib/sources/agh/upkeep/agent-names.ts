// The agents that a home describes, whether they have worked or not.
import { joinPath } from "../../../files/os-path.ts";
import { listNames } from "../../../files/walk.ts";

export const listAgentNames = (root: string): readonly string[] => listNames(joinPath(root, "agents"));
