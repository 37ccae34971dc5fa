// What an author of a runtime's source, or of a target, runs against it: `agh-toolkit/testing`.
export { sourceContract, type ContractHome } from "./source.ts";
export { targetContract } from "./target.ts";
