// Whether AGH would start with the home.
import { predictBoot } from "../boot/predict-boot.ts";
import type { Check } from "./check-types.ts";

export const boot: Check = {
  level: "deep",
  rules: {
    BOOT_REFUSED: {
      severity: "error",
      verdict: "AGH refuses to start",
      arises: "what its message says",
      action: [],
      loses: "nothing by itself: repair what else was found; agh-reconcile boot says more",
    },
  },
  async *find({ home, deps }) {
    const { refusals } = await predictBoot(home, deps);
    for (const refusal of refusals) {
      if (refusal.startsWith("LOCK_HELD: ")) continue; // it runs
      yield { code: "BOOT_REFUSED", message: `AGH would not start: ${refusal}`, evidence: { refusal } };
    }
  },
};
