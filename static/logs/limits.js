// The rate limits that were told, by the name of the limit: an account may have several.

/** The name where none is told, or where it is the account's own. */
const OWN = 'codex';

const nameOf = (limits) => limits.limit ?? OWN;

/**
 * What is known (a list of rate-limit records, one per name) with newer records put in. Records
 * without figures tell nothing. Returns the same list where nothing is new.
 */
export function mergeLimits(known, told) {
  const byName = new Map(known.map((limits) => [nameOf(limits), limits]));
  let isChanged = false;
  for (const limits of told) {
    if (!limits?.windows?.length) continue;
    const before = byName.get(nameOf(limits));
    if (before && !(limits.time > before.time)) continue;
    byName.set(nameOf(limits), limits);
    isChanged = true;
  }
  if (!isChanged) return known;
  return [...byName.values()].sort((a, b) => (nameOf(b) === OWN) - (nameOf(a) === OWN) || (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The name to show before a window; none for the account's own limit. */
export function limitName(limits) {
  return nameOf(limits) === OWN ? '' : nameOf(limits);
}
