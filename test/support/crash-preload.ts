// node --import THIS: kills at the n-th changing call (CRASH_AT=n), or fails it (FAULT=ENOSPC@n, FAULT=EIO@n+),
// and writes how many there were (CRASH_COUNT=FILE). Worker threads inherit it and count with their parent.
import fs from "node:fs";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { installFaultLayer } from "./fault-layer.ts";
import { counted } from "./gate.ts";

const { writeFileSync } = fs;
const report = process.env["CRASH_COUNT"];

await installFaultLayer();
if (isMainThread && report !== undefined) process.on("exit", () => writeFileSync(report, String(counted())));
