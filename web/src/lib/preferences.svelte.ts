// What one likes is kept with the account, so that it is there in any browser: the theme and the
// single keys; the language is a member of the account itself. Whether there is sound belongs to a
// place, not to a person: that stays in the browser.
import { ask, tell } from './api';
import { keys } from './keys.svelte';
import { language, type Language } from './language.svelte';
import { theme, type Theme } from './theme.svelte';

/** Take over what the account has; whoever has nothing there keeps what the browser has. */
export async function readPreferences(own: '' | Language): Promise<void> {
	if (own !== '' && own !== language.now) language.set(own);
	try {
		const { preferences } = await ask<{ preferences: Record<string, string> }>('/me/preferences');
		const kept = preferences.theme;
		if (kept === 'auto' || kept === 'dark' || kept === 'light') theme.set(kept);
		if (preferences.keys === 'on' || preferences.keys === 'off') keys.set(preferences.keys === 'on');
	} catch {
		// the page is of use without them
	}
}

function keep(what: Promise<unknown>): void {
	// it holds in this browser in any case
	what.catch(() => {});
}

export function chooseTheme(next: Theme): void {
	theme.set(next);
	keep(tell('PATCH', '/me/preferences', { theme: next }));
}

export function chooseKeys(on: boolean): void {
	keys.set(on);
	keep(tell('PATCH', '/me/preferences', { keys: on ? 'on' : 'off' }));
}

export function chooseLanguage(next: Language): void {
	language.set(next);
	keep(tell('PATCH', '/me', { language: next }));
}
