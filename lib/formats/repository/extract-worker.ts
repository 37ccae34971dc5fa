// A thread that writes files of a snapshot.
import { parentPort, workerData } from "node:worker_threads";
import { createCollector } from "../../files/memory.ts";
import { ToolError } from "../../records/error.ts";
import { targetOf } from "../../targets/target.ts";
import { openEnvelope } from "./encryption.ts";
import { extractFile, partsOf, type ExtractFault, type ExtractJob } from "./extract-file.ts";
import { PackReader } from "./pack-reader.ts";

export type FromExtractWorker =
  | { readonly faults: readonly ExtractFault[] }
  | { readonly failed: { readonly code: string; readonly message: string; readonly hint?: string } };

export interface ExtractWorkerData {
  readonly url: string;
  /** Where it is encrypted: to whom, and the identity file that opens it. */
  readonly recipients: readonly string[] | undefined;
  readonly identity: string | undefined;
}

const { url, recipients, identity } = workerData as ExtractWorkerData;
const opened = openPacks();
opened.catch(() => undefined); // reported to the first job
const collect = createCollector();

async function openPacks(): Promise<PackReader> {
  return new PackReader(targetOf(url), recipients && (await openEnvelope({ url, recipients }, identity)));
}

async function extractAll(jobs: readonly ExtractJob[]): Promise<FromExtractWorker> {
  const faults: ExtractFault[] = [];
  const packs = await opened;
  packs.expect(jobs.flatMap(partsOf));
  for (const job of jobs) {
    const fault = await extractFile(job, packs);
    if (fault) faults.push(fault);
    for (const { size } of job.parts) collect(size);
  }
  return { faults };
}

function failed(error: unknown): FromExtractWorker {
  if (!(error instanceof ToolError)) throw error; // a bug: the parent gets it as the thread's error
  const { code, message, hint } = error;
  return { failed: { code, message, ...(hint && { hint }) } };
}

parentPort!.on("message", async (jobs: readonly ExtractJob[]) => {
  parentPort!.postMessage(await extractAll(jobs).catch(failed));
});
