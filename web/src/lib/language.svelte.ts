// The language of the page, and the words of the registries.
import registry from 'virtual:registry';
import { words, type Word } from './words';

export type Language = 'en' | 'ja';

function first(): Language {
	const kept = localStorage.getItem('language');
	if (kept === 'en' || kept === 'ja') return kept;
	for (const one of navigator.languages) {
		if (one.startsWith('ja')) return 'ja';
		if (one.startsWith('en')) return 'en';
	}
	return 'en';
}

const state = $state({ now: first() });

export const language = {
	get now(): Language {
		return state.now;
	},
	set(next: Language): void {
		state.now = next;
		localStorage.setItem('language', next);
		document.documentElement.lang = next;
	},
};
document.documentElement.lang = state.now;

/** The text of `word`; `{name}` in it is replaced by values. */
export function t(word: Word, values?: Record<string, string | number>): string {
	const text: string = words[word][state.now === 'ja' ? 1 : 0];
	return values ? text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? '')) : text;
}

type Table = keyof typeof registry;

/** What a registry says about a name; the name itself when it is unknown. */
export function say(table: Table, name: string): string {
	const row = registry[table][name];
	return row ? row[state.now === 'ja' ? 2 : 1] : name;
}

/** The name of a number. */
export function nameOf(table: Table, number: number): string {
	for (const [name, row] of Object.entries(registry[table])) if (row[0] === number) return name;
	return '';
}

/** Names of a registry. */
export function namesOf(table: Table): string[] {
	return Object.keys(registry[table]);
}

/** The title of a case, or a name that comes in two languages. */
export function either(en: string, ja: string): string {
	return state.now === 'ja' && ja !== '' ? ja : en;
}

export function count(value: number): string {
	return Math.round(value).toLocaleString('en-US');
}

/** 1,234,567 as 1.2 M. */
export function short(value: number): string {
	if (value < 1000) return value < 10 && value % 1 !== 0 ? value.toFixed(1) : String(Math.round(value));
	for (const [size, unit] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const)
		if (value >= size) return (value / size).toFixed(value / size < 10 ? 1 : 0) + ' ' + unit;
	return String(value);
}
