// What agh-reconcile knows about agsh.
import type { Repairer } from "../../repair.ts";
import { check } from "./findings.ts";
import { perform, undo } from "./repair.ts";
import { RULES, VERBS } from "./rules.ts";

export const repairer: Repairer = { rules: RULES, verbs: VERBS, check, perform, undo };
