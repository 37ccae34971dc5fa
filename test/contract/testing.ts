// What an author of a runtime's source, or of a target, runs against it: `agh-toolkit/testing`.
export { custodyContract } from "./custody.ts";
export type { CustodyHome } from "./custody-world.ts";
export { sourceContract, type ContractHome } from "./source.ts";
export { targetContract } from "./target.ts";
