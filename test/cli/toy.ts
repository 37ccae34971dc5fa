// A small tool that does what verbs do, so that the shell can be tested without a home.
import { option, operands, repeated, toggle, choice } from "../../lib/cli/flags.ts";
import { verb, type Tool } from "../../lib/cli/verb.ts";
import { EXIT, placeError, ToolError } from "../../lib/records/error.ts";
import { Block } from "../../lib/records/record.ts";
import { parseWholeNumber } from "../../lib/policy/parse-quantities.ts";

const session = (id: string, more: object = {}): { kind: string; id: string } => ({ kind: "session", id, ...more });

export const toy: Tool = {
  name: "toy",
  summary: "a toy",
  examples: ["toy list --limit 2"],
  verbs: {
    list: verb({
      summary: "lists",
      flags: {
        state: repeated("a state", { hint: "STATE" }),
        limit: option("at most", { hint: "N", convert: parseWholeNumber(1) }),
        how: choice("how", ["fast", "slow"]),
        apply: toggle("apply", false, "a"),
        colour: toggle("colour", true),
      },
      examples: ["toy list"],
      prints: ["session"],
      *run({ values }) {
        for (let i = 1; i <= (values.limit ?? 3); i++) yield session(`s-${i}`, { name: values.state.join("+") });
      },
    }),
    act: verb({
      summary: "acts on ids",
      flags: { ids: operands("ID", "sessions, or - for stdin") },
      examples: ["toy list | toy act -"],
      prints: ["session", "summary"],
      async *run({ values, input, deps }) {
        const { ids, records, others } = await input.selection(values.ids, ["session"]);
        for (const id of [...ids, ...records.map((record) => String(record["id"]))]) yield session(id);
        deps.log.info("working");
        yield {
          kind: "summary",
          tool: "toy act",
          run: "R",
          status: "ok",
          items: 0,
          failed: 0,
          bytes: 0,
          duration_ms: 0,
          exit: others.length > 0 ? 1 : 0,
        };
      },
    }),
    block: verb({
      summary: "prints a block",
      flags: {},
      examples: ["toy block"],
      prints: ["event"],
      *run() {
        yield new Block(
          Buffer.from(
            '{"kind":"event","id":"e1","content":1e-07}\n{"kind":"event","id":"e2","content":"\\u001b[31m"}\n',
          ),
          2,
        );
      },
    }),
    fail: verb({
      summary: "fails",
      flags: { late: toggle("after the first record"), bug: toggle("as a bug"), item: toggle("only one item") },
      examples: ["toy fail"],
      prints: ["session"],
      *run({ values, deps }) {
        if (values.late) yield session("s-1");
        if (values.bug) throw new RangeError("off by one");
        if (!values.item) throw placeError("E_GONE", "it is gone", "look elsewhere");
        deps.log.problem(new ToolError({ code: "E_ITEM", message: "one is unreadable", exit: EXIT.partial }));
      },
    }),
  },
};
