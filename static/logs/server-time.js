// The server's clock as seen from here. Clocks differ, and every time on the page is the server's.

/** A `Date` header is a whole second and may be stale: less than this is no difference. */
const COARSE_MS = 2000;

let offset = 0;
let isExact = false;

/** This moment by the server's clock, in milliseconds. */
export function serverNow() {
  return Date.now() + offset;
}

/** Takes the server's time from the live connection, which has it to the microsecond. */
export function takeTime(time) {
  const told = Date.parse(time);
  if (Number.isNaN(told)) return;
  offset = told - Date.now();
  isExact = true;
}

/** Takes it from a response's `Date` header, until it is known better. */
export function takeDate(header) {
  const told = Date.parse(header ?? '');
  if (isExact || Number.isNaN(told)) return;
  const difference = told + 500 - Date.now();
  offset = Math.abs(difference) > COARSE_MS ? difference : 0;
}
