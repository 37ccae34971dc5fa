// Replaces state.txt as safety.md says, or, with "careless", in place: what the crash harness must tell apart.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";

const [directory, manner] = [process.argv[2]!, process.argv[3]!];
const file = path.join(directory, "state.txt");
const text = "new ".repeat(1000);

if (manner === "careless") fs.writeFileSync(file, text);
else {
  const fd = fs.openSync(`${file}.tmp`, "w");
  for (let at = 0; at < text.length; at += 500) fs.writeSync(fd, text.slice(at, at + 500));
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync(`${file}.tmp`, file);
}
