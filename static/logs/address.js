// The page's state in its address: `#q=…&status=…&request=…`. Pure, but for reading and writing `location`.

import { fitting } from './filters.js';

const FILTERS = ['q', 'types', 'status', 'model', 'chat'];

/** The state that a hash tells. Unknown parts are ignored. */
export function readHash(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const get = (name) => (params.get(name) ?? '').trim();
  const view = get('view') === 'records' ? 'records' : 'requests';
  return {
    filter: fitting({ q: get('q'), types: get('types').split(',').filter(Boolean), status: get('status'), model: get('model'), chat: get('chat') }, view),
    view,
    open: get('request') ? { kind: 'request', id: get('request') } : get('conversation') ? { kind: 'conversation', id: get('conversation') } : null,
    tab: ['records', 'raw'].includes(get('tab')) ? get('tab') : 'chat',
  };
}

/** The hash for a state, without what is at its default. */
export function writeHash({ filter, view, open, tab }) {
  const params = new URLSearchParams();
  for (const name of FILTERS) {
    const value = name === 'types' ? filter.types.join(',') : filter[name];
    if (value) params.set(name, value);
  }
  if (view !== 'requests') params.set('view', view);
  if (open) params.set(open.kind, open.id);
  if (open?.kind === 'request' && tab !== 'chat') params.set('tab', tab);
  const text = params.toString().replaceAll('%2C', ',');
  return text ? `#${text}` : '';
}

/** The page's address with this state, as an absolute URL for sharing. */
export function linkTo(state) {
  return `${location.origin}${location.pathname}${writeHash(state)}`;
}
