// Empties the trash, which needs no space and no stop of the daemon.
import type { Removal } from "./actions.ts";

export const emptying: Removal = {
  daemonOut: false,
  async *perform() {},
};
