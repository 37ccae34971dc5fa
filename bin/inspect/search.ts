// agh-inspect search: words, phrases and patterns over all sessions.
import { operand, operands, option, repeated, toggle } from "../../lib/cli/flags.ts";
import { placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { whole } from "../../lib/policy/instant.ts";
import { searchField } from "../../lib/policy/search-field.ts";
import { EXIT, ToolError } from "../../lib/records/error.ts";
import { overSelected } from "./selected.ts";

export const search = verb({
  summary: "find words, phrases and patterns in what was said, thought and done",
  description:
    'All words must occur in one event: whole ones, whatever their case and accents; "quoted phrases" in that order, lim* as the beginning of a word. What an agent said in pieces is searched as one text. Best hits first. Exit 1 when nothing is found.',
  flags: {
    query: operand("QUERY", 'Words, "phrases", prefix*; with --regex one pattern'),
    ids: operands("ID", "Only these sessions, by id or unique prefix; - reads ids or records from stdin"),
    ...placeFlags,
    ...selectorFlags,
    limit: option("The best N", { hint: "N", convert: whole(1) }),
    regex: toggle("QUERY is a JavaScript pattern, whatever the case of its letters"),
    in: repeated("Only what was said, done by tools, or thought: text, tool, thought", {
      hint: "FIELD",
      convert: searchField,
    }),
    type: repeated("Only events of this type", { hint: "TYPE" }),
  },
  examples: [
    "agh-inspect search 'rate limit*'",
    "agh-inspect search '\"permission denied\"' --in tool --since 7d",
    "agh-inspect search --regex 'E_[A-Z]+' --json | jq -r .session_id | sort -u",
  ],
  prints: ["match"],
  run: async (call) => {
    const { search: find, searchingFor } = await import("../../lib/inspect/search.ts");
    const { query, regex, in: fields, type: types, limit } = call.values;
    const searching = searchingFor({ query, regex });
    const wanted = { query, regex, fields, types, limit };
    return (async function* () {
      let isFound = false;
      for await (const match of overSelected(call, (place, sessions) =>
        find(place, { ...wanted, sessions }, searching, call.deps),
      )) {
        isFound = true;
        yield match;
      }
      if (!isFound) call.deps.log.problem(nothing(query));
    })();
  },
});

const nothing = (query: string): ToolError =>
  new ToolError({ code: "E_NO_MATCH", message: `nothing is found for ${query}`, exit: EXIT.found });
