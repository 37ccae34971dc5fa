// agsh's upkeep: its sessions are rows that only an archive can prove, and without a message as old as their last change.
import type { Upkeep } from "../upkeep.ts";

export const upkeep: Upkeep = {
  retirement: { gates: ["archived"], lastUse: ({ updated_at }) => updated_at ?? null },
};
