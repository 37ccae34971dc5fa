// AGDD's time stamps: Python's isoformat() of whatever was passed, compared by AGDD as text.

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(?:([Zz])|([+-])(\d{2}):?(\d{2})(?::(\d{2})(?:\.\d+)?)?)?$/;

/** A point in time, exact: milliseconds of the whole second, and the digits of its fraction. */
interface Point {
  readonly ms: number;
  readonly fraction: string;
}

/** As UTC with the source's precision (`…Z`); what is no time stamp stays as it is. One without an offset is taken for UTC. */
export function utc(text: string): string {
  const plain = UTC.exec(text);
  if (plain) return `${plain[1]}Z`;
  const point = pointOf(text);
  if (!point) return text;
  return `${new Date(point.ms).toISOString().slice(0, 19)}${point.fraction && `.${point.fraction}`}Z`;
}

const UTC = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)\+00:00$/;

/** Milliseconds since 1970; undefined for what is no time stamp. */
export function millis(text: string): number | undefined {
  const point = pointOf(text);
  return point && point.ms + Number(`0.${point.fraction || "0"}`) * 1000;
}

function pointOf(text: string): Point | undefined {
  const [, day, hour = "00", minute = "00", second = "00", fraction = "", , sign, oh, om, os] = ISO.exec(text) ?? [];
  if (!day) return undefined;
  const ms = Date.parse(`${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day) return undefined;
  const offset = sign === undefined ? 0 : (Number(oh) * 3600 + Number(om) * 60 + Number(os ?? 0)) * 1000;
  return { ms: sign === "-" ? ms + offset : ms - offset, fraction };
}

/** The form that AGDD writes; only stamps of this form sort as text as they do in time. */
export const isUsual = (text: string): boolean => USUAL.test(text);
const USUAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{6})?\+00:00$/;

/** Seconds since 1970, a float, as Python's datetime makes microseconds of them. */
export function fromUnix(seconds: number): string {
  const whole = Math.floor(seconds);
  const micros = halfEven((seconds - whole) * 1e6);
  const date = new Date((whole + Math.floor(micros / 1e6)) * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return `${date.toISOString().slice(0, 19)}.${String(micros % 1e6).padStart(6, "0")}Z`;
}

function halfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
