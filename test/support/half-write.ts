// The arguments of a write that gets only half of its bytes down.

type Args = readonly unknown[];

/** `data` is the index of what is written; undefined where the call writes no bytes given as data. */
export function halfOf(call: string, args: Args, data: number): unknown[] | undefined {
  const whole = args[data];
  const head = args.slice(0, data);
  if (typeof whole === "string")
    return [...head, whole.slice(0, whole.length >> 1), ...withoutCallback(args.slice(data + 1))];
  if (Array.isArray(whole))
    return [...head, whole.slice(0, whole.length >> 1), ...withoutCallback(args.slice(data + 1))];
  if (!ArrayBuffer.isView(whole)) return undefined;
  if (/File/i.test(call)) {
    const bytes = new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength >> 1);
    return [...head, bytes, ...withoutCallback(args.slice(data + 1))];
  }
  const { offset, length, position } = range(args.slice(data + 1), whole.byteLength);
  return [...head, whole, offset, length >> 1, position];
}

/** Where the bytes of a write lie: (offset, length, position), ({offset, length, position}) or nothing. */
function range(rest: Args, size: number): { offset: number; length: number; position: number | null } {
  const named = typeof rest[0] === "object" && rest[0] !== null ? (rest[0] as Record<string, unknown>) : undefined;
  const [offset, length, position] = named === undefined ? rest : [named["offset"], named["length"], named["position"]];
  const start = typeof offset === "number" ? offset : 0;
  return {
    offset: start,
    length: typeof length === "number" ? length : size - start,
    position: typeof position === "number" ? position : null,
  };
}

function withoutCallback(args: Args): unknown[] {
  return args.filter((it) => typeof it !== "function");
}
