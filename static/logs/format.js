// Numbers, times and sizes as people read them. Pure: no DOM, no state.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** What stands where a value is not known. */
export const UNKNOWN = '–';

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);
const two = (value) => String(value).padStart(2, '0');

/** A duration in milliseconds, with three significant digits at most: `72 µs`, `840 ms`, `1.24 s`, `2 min 05 s`. */
export function duration(ms) {
  if (!isNumber(ms)) return UNKNOWN;
  if (ms < 0.0005) return '0 ms';
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return longDuration(seconds);
}

/** A long duration in seconds: `2 h 10 min`, `3 d 4 h`, `40 s`. */
export function longDuration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const minutes = Math.round(s / 60);
  const hours = Math.round(s / 3600);
  const pair = (big, small, units) => (small ? `${big} ${units[0]} ${small} ${units[1]}` : `${big} ${units[0]}`);
  if (s < 60) return `${s} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return pair(Math.floor(minutes / 60), minutes % 60, ['h', 'min']);
  return pair(Math.floor(hours / 24), hours % 24, ['d', 'h']);
}

/** Digits in groups of three: `12,345`. */
export function grouped(value) {
  if (!isNumber(value)) return UNKNOWN;
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A count with a short unit: `950`, `12.4k`, `1.2M`. */
export function compact(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value < 1000) return String(Math.round(value));
  if (value < 99950) return `${(value / 1000).toFixed(1)}k`;
  if (value < 999500) return `${Math.round(value / 1000)}k`;
  return `${(value / 1e6).toFixed(1)}M`;
}

/** A size in bytes: `812 B`, `4.2 kB`, `1.3 MB`. */
export function bytes(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value < 1000) return `${value} B`;
  if (value < 999_500) return `${(value / 1000).toFixed(value < 99_950 ? 1 : 0)} kB`;
  return `${(value / 1e6).toFixed(1)} MB`;
}

/** A share between 0 and 1: `94%`. Small ones keep a digit, so that 0.4% is not nothing. */
export function percent(share) {
  if (!isNumber(share)) return UNKNOWN;
  const value = share * 100;
  return value > 0 && value < 9.95 ? `${Number(value.toFixed(1))}%` : `${Math.round(value)}%`;
}

/** The time of day, local: `14:05:09`. */
export function clock(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? UNKNOWN
    : `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The time of day with milliseconds. */
export function preciseClock(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? UNKNOWN
    : `${clock(time)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** The day, local: `21 Nov`; with the year if it is another one than `now`'s. */
export function day(time, now = Date.now()) {
  const date = new Date(time);
  const text = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === new Date(now).getFullYear() ? text : `${text} ${date.getFullYear()}`;
}

export function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** The time for a list: today's as time of day, others with their day in front. */
export function listTime(time, now = Date.now()) {
  return isSameDay(time, now) ? clock(time) : `${day(time, now)} ${clock(time).slice(0, 5)}`;
}

/** Everything about a time, for titles: `21 Nov 2026, 14:05:09.123 (UTC+02:00)`. */
export function fullTime(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}, ${preciseClock(time)} (${zone(date)})`;
}

/** How far the local time is from UTC then: `UTC+05:45`. */
function zone(date) {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return minutes ? `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}` : 'UTC';
}

/** A time of the server in milliseconds with its microseconds, which `Date` cuts off. */
export function exactMs(time) {
  const match = /^(.{19})\.(\d+)Z$/.exec(time);
  return match ? Date.parse(`${match[1]}Z`) + Number(`0.${match[2]}`) * 1000 : Date.parse(time);
}

/** The day and the second, local, for names of files: `2026-11-21-140509`. */
export function fileTime(time) {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}-${clock(time).replaceAll(':', '')}`;
}

/** When a limit resets: `18:40, in 2 h 10 min`. `at` in Unix seconds. */
export function resetTime(at, now = Date.now()) {
  if (!isNumber(at)) return UNKNOWN;
  const ms = at * 1000;
  if (ms <= now) return 'now';
  const when = isSameDay(ms, now) ? clock(ms).slice(0, 5) : `${day(ms, now)} ${clock(ms).slice(0, 5)}`;
  return `${when}, in ${longDuration((ms - now) / 1000)}`;
}

/** A window of a rate limit by its length: `5 h`, `7 d`. */
export function windowLength(minutes) {
  return isNumber(minutes) ? longDuration(minutes * 60) : UNKNOWN;
}

/** `1 request`, `2 requests`. */
export function plural(count, one, many = `${one}s`) {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** The short form of an id: without its prefix, its first eight characters, or a name as it is. */
export function shortId(id) {
  if (!id) return UNKNOWN;
  const bare = id.replace(/^(conv|req|chatcmpl|call|thread)[_-]/, '');
  return bare.length > 14 ? bare.slice(0, 8) : bare;
}

/** A hue for an id, the same each time, so that a conversation keeps its colour. */
export function hue(id) {
  let hash = 2166136261;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
  // Steps of the golden angle keep neighbours apart.
  return Math.round(((hash >>> 0) % 997) * 137.508) % 360;
}
