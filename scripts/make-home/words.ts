// Text as agents write it, already escaped the way Go's encoder escapes JSON strings.
import type { Random } from "./random.ts";

const WORDS =
  `the a to of in is for and can not this that with from by be are an it or on as at we so error timeout cache store
read write lock token stream session snapshot ledger catalog workspace daemon buffer branch path index query table schema
migration struct interface module import export return value process signal context recover test assert result agent vault
handler request response config permission tool rename update delete insert commit rollback merge rebase retry queue worker
checkout rounding invoice customer order payment currency discount café naïve 日本語 emoji🚀 → ✓ “quoted” \\u003ctag\\u003e
\\"json\\" a\\u0026b func(ctx) err!=nil 0x7fff 3.14159 src/main.go docs/index.md https://example.org/x?y=1`.split(
    /\s+/,
  );
const BREAKS = [" ", " ", " ", " ", " ", " ", ", ", ". ", "\\n", "\\n  "];

/** About `count` words; the text is safe between JSON quotes. */
export function words(random: Random, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) {
    const bits = random.next();
    text += WORDS[(bits >>> 8) % WORDS.length]! + BREAKS[(bits & 255) % BREAKS.length]!;
  }
  return text;
}
