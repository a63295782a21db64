// Calls to the server. Every failure becomes an ApiError with words for people.

import { takeDate } from './server-time.js';

/** A call that failed. `status` is 0 where the server could not be reached. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }

  /** A key is needed, or none would help because none is set. */
  get isLocked() {
    return this.status === 401;
  }

  get isOffline() {
    return this.status === 0;
  }
}

/** Calls made when a reply is 401, so that whoever asks for the key hears of it. */
const onLocked = new Set();

export function whenLocked(callback) {
  onLocked.add(callback);
}

export async function call(path, { method = 'GET', query, body, signal, quiet = false } = {}) {
  const url = `/logs${path}${query && Object.keys(query).length ? `?${new URLSearchParams(query)}` : ''}`;
  let response;
  try {
    response = await fetch(url, {
      method, signal, cache: 'no-store', credentials: 'same-origin',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The proxy cannot be reached.');
  }
  takeDate(response.headers.get('date'));
  if (response.ok) return response;
  const error = await failure(response);
  if (error.isLocked && !quiet) for (const callback of onLocked) callback(error);
  throw error;
}

async function failure(response) {
  let told;
  try {
    told = (await response.json()).error;
  } catch {
    // Not the proxy's own words, for example a tunnel's page.
  }
  const message = told?.message ?? `The server answered ${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, told?.code ?? null, message);
}

const json = async (path, options) => (await call(path, options)).json();

export const requests = (query, signal) => json('/api/requests', { query, signal });
export const records = (query, signal) => json('/api/records', { query, signal });
export const request = (id, signal) => json(`/api/requests/${encodeURIComponent(id)}`, { signal });
export const curl = async (id) => (await call(`/api/requests/${encodeURIComponent(id)}/curl`)).text();
export const clearAll = () => json('/api/records', { method: 'DELETE' });
export const login = (key) => call('/login', { method: 'POST', body: { key }, quiet: true });
export const logout = () => call('/logout', { method: 'POST', quiet: true });

/** An export as a file in memory (or, where it is large, on the browser's disk). */
export const exported = async (format, query) => (await call('/api/export', { query: { format, ...query } })).blob();
