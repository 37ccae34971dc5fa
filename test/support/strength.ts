// How much a test does: little in every run, much where `npm run torture|soak|fuzz|flips` asks for it.
import process from "node:process";

/** What the long forms turn up, and the variable of the environment that does it. */
const VARIABLES = {
  "crash points": "AGH_TEST_CRASH_POINTS",
  flips: "AGH_TEST_FLIPS",
  attacks: "AGH_TEST_ATTACKS",
  "mounts a verb": "AGH_TEST_MOUNTS",
  "random homes": "AGH_TEST_RANDOM_HOMES",
  "soak seconds": "AGH_TEST_SOAK_SECONDS",
  "fuzz seconds": "AGH_TEST_FUZZ_SECONDS",
  copies: "AGH_TEST_COPIES",
  nights: "AGH_TEST_NIGHTS",
  "nights of a year": "AGH_TEST_YEAR",
} as const;

/** How many of them; `short` in everyday runs. */
export function strength(what: keyof typeof VARIABLES, short: number): number {
  return Number(process.env[VARIABLES[what]] ?? short);
}
