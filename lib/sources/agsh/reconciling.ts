// What agh-reconcile knows about agsh.
import type { Reconciling } from "../reconciling.ts";
import { judge } from "./findings.ts";
import { perform, undo } from "./mend.ts";
import { RULES, VERBS } from "./rules.ts";

export const reconciling: Reconciling = { rules: RULES, verbs: VERBS, judge, perform, undo };
