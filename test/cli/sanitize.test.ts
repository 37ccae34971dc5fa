// One golden case for each family of characters that could deceive a reader at a terminal.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sanitize } from "../../lib/cli/sanitize.ts";

const CASES: readonly (readonly [family: string, hostile: string, shown: string])[] = [
  ["plain text, CJK, emoji and combining marks stay", "añ 漢字 👩 e\u0301", "añ 漢字 👩 e\u0301"],
  ["C0", "a\u0000b\u0007c", "a\\x00b\\x07c"],
  ["newline, return, tab", "a\nb\rc\td", "a\\nb\\rc\\td"],
  ["ANSI colour", "\u001b[31mred\u001b[0m", "\\e[31mred\\e[0m"],
  ["OSC 52 clipboard", "\u001b]52;c;AAAA\u0007", "\\e]52;c;AAAA\\x07"],
  ["DEL", "a\u007fb", "a\\x7fb"],
  ["C1 CSI", "a\u009b31m", "a\\x9b31m"],
  ["soft hyphen", "pay\u00adpal", "pay\\xadpal"],
  ["bidi override", "abc\u202edef", "abc\\u{202e}def"],
  ["bidi isolate", "\u2066a\u2069", "\\u{2066}a\\u{2069}"],
  ["arabic letter mark", "a\u061cb", "a\\u{61c}b"],
  ["zero width", "a\u200bb\u200dc\u2060d", "a\\u{200b}b\\u{200d}c\\u{2060}d"],
  ["line separators", "a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c"],
  ["byte order mark", "\ufeffa", "\\u{feff}a"],
  ["hangul fillers", "a\u3164b\u115fc", "a\\u{3164}b\\u{115f}c"],
  ["tag characters", "a\u{e0041}b", "a\\u{e0041}b"],
  ["lone surrogate", "a\udce9b", "a\\u{dce9}b"],
];

for (const [family, hostile, shown] of CASES) {
  test(family, () => assert.equal(sanitize(hostile), shown));
}
