// Changes files in every form node offers, in this thread and in a worker: what the fault layer must see.
import fsDefault from "node:fs";
import { renameSync, unlink, writeFileSync, writeSync } from "node:fs";
import { mkdir, open, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { isMainThread, Worker, workerData } from "node:worker_threads";

const directory = (workerData as string | null) ?? process.argv[2]!;
const at = (name: string): string => path.join(directory, `${isMainThread ? "main" : "worker"}-${name}`);

// Named imports, the default import, promises, a handle, a callback, a database: 15 counted calls in each thread.
writeFileSync(at("named"), "named");
renameSync(at("named"), at("renamed"));
const fd = fsDefault.openSync(at("default"), "w");
writeSync(fd, Buffer.from("default"), 0, 7, 0);
fsDefault.fsyncSync(fd);
fsDefault.closeSync(fd);
await mkdir(at("directory"));
await writeFile(at("promised"), "promised");
const handle = await open(at("handle"), "w");
await handle.write("handle");
await handle.sync();
await handle.close();
const done = Promise.withResolvers<void>();
unlink(at("promised"), () => done.resolve());
await done.promise;
const db = new DatabaseSync(at("db"));
db.exec("CREATE TABLE t(x)");
db.close();
// Reading, standard output and closing a file do not count.
fsDefault.readFileSync(at("renamed"));
process.stdout.write("done\n");

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: directory });
  const exited = Promise.withResolvers<void>();
  worker.on("exit", () => exited.resolve());
  worker.on("error", (error) => exited.reject(error));
  await exited.promise;
}
