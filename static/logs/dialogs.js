// Dialogs: the key, the keyboard's help, and the question before everything is deleted.

import * as api from './api.js';
import { byId, setText } from './dom.js';
import { tellError, toast } from './notify.js';
import { plural } from './format.js';
import { visible } from './text.js';

/** Shows what a refusal asks for: the key, or, where none is set, why not. */
export function askForKey(error) {
  if (error?.code === 'api_key_not_set') {
    setText(byId('local-message'), visible(error.message));
    open('local-dialog');
  } else {
    open('key-dialog');
  }
}

/** Wires all dialogs. `onUnlocked` runs after the right key, `onHelp` is the button's. */
export function setUpDialogs({ onUnlocked }) {
  byId('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    submitKey(onUnlocked);
  });
  byId('key-dialog').addEventListener('close', () => {
    byId('key').value = '';
    setText(byId('key-error'), '');
  });
  byId('help').addEventListener('click', openHelp);
  byId('clear-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    await clearAll();
  });
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', (event) => {
      // The dialog itself is hit only beside its content, that is, on the backdrop.
      if (event.target === dialog && dialog.id !== 'key-dialog') dialog.close();
    });
    for (const closer of dialog.querySelectorAll('[data-close]')) closer.addEventListener('click', () => dialog.close());
  }
}

export function openHelp() {
  open('help-dialog');
}

export function openClear() {
  open('clear-dialog');
}

function open(id) {
  const dialog = byId(id);
  if (!dialog.open) dialog.showModal();
}

async function submitKey(onUnlocked) {
  const field = byId('key');
  const submit = byId('key-submit');
  setText(byId('key-error'), '');
  if (!field.value) {
    setText(byId('key-error'), 'Enter the key.');
    field.focus();
    return;
  }
  submit.disabled = true;
  try {
    await api.login(field.value);
    byId('key-dialog').close();
    onUnlocked();
  } catch (error) {
    setText(byId('key-error'), error.isLocked ? 'That is not the key of this proxy.' : visible(error.message));
    field.select();
  } finally {
    submit.disabled = false;
  }
}

async function clearAll() {
  const submit = byId('clear-submit');
  submit.disabled = true;
  try {
    const { deleted } = await api.clearAll();
    toast(`Deleted ${plural(deleted, 'record')}`);
    byId('clear-dialog').close();
  } catch (error) {
    tellError(error, 'Not deleted');
    if (error.isLocked) byId('clear-dialog').close();
  } finally {
    submit.disabled = false;
  }
}
