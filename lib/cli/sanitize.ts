// Sanitizes text that an agent wrote for a terminal: nothing it contains can move the cursor or hide itself.

// C0, DEL, C1, soft hyphen, Arabic letter mark, zero-width, bidi controls, line and paragraph separators,
// invisible operators, interlinear anchors, BOM, lone surrogates, tag characters, variation selectors supplement.
const HOSTILE = new RegExp(
  [
    "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb]",
    "\\u034f|[\\u180b-\\u180f]",
    "[\\u{e0000}-\\u{e0fff}]",
    "\\p{Cs}",
  ].join("|"),
  "gu",
);

const SHORT: { readonly [character: string]: string } = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" };

/** `text` with every control, bidi and zero-width character written out. */
export const sanitize = (text: string): string => text.replace(HOSTILE, spell);

function spell(character: string): string {
  const code = character.codePointAt(0)!;
  if (SHORT[character]) return SHORT[character];
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return `\\u{${code.toString(16)}}`;
}
