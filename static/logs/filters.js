// Which requests and records a filter lets through, here and as parameters for the server. Pure.

import { REQUEST_TYPES, typesOf } from './explain.js';

export const EMPTY_FILTER = Object.freeze({ q: '', types: [], status: '', model: '', chat: '' });

/** Whether anything is filtered in this view. The records view knows no status and no model. */
export function isFiltered(filter, view = 'requests') {
  const common = filter.q || filter.types.length || filter.chat;
  return Boolean(view === 'records' ? common : common || filter.status || filter.model);
}

export function sameFilter(a, b) {
  return a.q === b.q && a.status === b.status && a.model === b.model && a.chat === b.chat && a.types.join() === b.types.join();
}

/** The filter as a view understands it: a request's summary tells nothing of some record types. */
export function fitting(filter, view) {
  if (view === 'records' || filter.types.every((type) => REQUEST_TYPES.has(type))) return filter;
  return { ...filter, types: filter.types.filter((type) => REQUEST_TYPES.has(type)) };
}

/** Query parameters for GET /logs/api/requests. */
export function requestQuery(filter) {
  return given({ q: filter.q.trim(), status: filter.status, model: filter.model.trim(), conversation: filter.chat.trim() });
}

/** Query parameters for GET /logs/api/records. */
export function recordQuery(filter) {
  return given({ q: filter.q.trim(), type: filter.types.join(','), conversation: filter.chat.trim() });
}

/** Query parameters for the export of what a view lists: records, of requests that fit. */
export function exportQuery(filter, view) {
  const ofRequests = view === 'requests' ? { status: filter.status, model: filter.model.trim() } : {};
  return given({ ...recordQuery(filter), ...ofRequests });
}

function given(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

/** A test for requests. With `texts: false` the text is left to the server, which sees more. */
export function requestMatcher(filter, { texts = true } = {}) {
  const q = texts ? filter.q.trim().toLowerCase() : '';
  const model = filter.model.trim().toLowerCase();
  const chat = filter.chat.trim();
  return (request) =>
    (!chat || request.conversation === chat) &&
    (!filter.status || hasStatus(request, filter.status)) &&
    (!model || `${request.model ?? ''}\n${request.mapped_model ?? ''}`.toLowerCase().includes(model)) &&
    (!filter.types.length || hasTypes(request, filter.types)) &&
    (!q || requestText(request).includes(q));
}

/** A test for records. `conversationOf(record)` is the record's conversation, or its request's. */
export function recordMatcher(filter, { texts = true, conversationOf = (record) => record.conversation } = {}) {
  const q = texts ? filter.q.trim().toLowerCase() : '';
  const chat = filter.chat.trim();
  const types = new Set(filter.types);
  return (record) =>
    (!chat || conversationOf(record) === chat) &&
    (!types.size || types.has(record.type)) &&
    (!q || JSON.stringify(record).toLowerCase().includes(q));
}

function hasStatus(request, status) {
  switch (status) {
    case 'ok': return request.state === 'done';
    case 'error': return request.state === 'failed';
    case 'running': case 'left': case 'lost': return request.state === status;
    default: return String(request.status) === status;
  }
}

function hasTypes(request, types) {
  const known = typesOf(request);
  return types.some((type) => known.has(type));
}

function requestText(request) {
  return [
    request.id, request.client_id, request.conversation, request.model, request.mapped_model, request.preview,
    request.path, request.error?.type, request.error?.code, request.error?.message, ...(request.calls ?? []),
  ].filter(Boolean).join('\n').toLowerCase();
}
