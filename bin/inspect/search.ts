// agh-inspect search: words, phrases and patterns over all sessions.
import { operand, operands, option, repeated, toggle } from "../../lib/cli/flags.ts";
import { placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import { parseSearchField } from "../../lib/policy/search-field.ts";
import { EXIT, ToolError } from "../../lib/records/error.ts";
import { overSessions } from "./session-selection.ts";

export const search = verb({
  summary: "find words, phrases and patterns in messages, thoughts and tool calls",
  description:
    'All words must occur in one event: whole ones, whatever their case and accents; "quoted phrases" in that order, lim* as the beginning of a word. An answer that is stored in chunks is searched as one text. Best hits first. Exit 1 when nothing matches.',
  flags: {
    query: operand("QUERY", 'Words, "phrases", prefix*; with --regex one pattern'),
    ids: operands("ID", "Only these sessions, by id or unique prefix; - reads ids or records from stdin"),
    ...placeFlags,
    ...selectorFlags,
    limit: option("The best N", { hint: "N", convert: parseWholeNumber(1) }),
    regex: toggle("QUERY is a JavaScript pattern, whatever the case of its letters"),
    in: repeated("Only messages (text), tool calls (tool) or thoughts (thought)", {
      hint: "FIELD",
      convert: parseSearchField,
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
    const { search: find, compileQuery: searchingFor } = await import("../../lib/inspect/search/search.ts");
    const { query, regex, in: fields, type: types, limit } = call.values;
    const searching = searchingFor({ query, regex });
    const options = { query, regex, fields, types, limit };
    return (async function* () {
      let isFound = false;
      for await (const match of await overSessions(call, (place, sessions) =>
        find(place, { ...options, sessions }, searching, call.deps),
      )) {
        isFound = true;
        yield match;
      }
      if (!isFound) call.deps.log.problem(noMatch(query));
    })();
  },
});

const noMatch = (query: string): ToolError =>
  new ToolError({ code: "E_NO_MATCH", message: `no event matches ${query}`, exit: EXIT.found });
