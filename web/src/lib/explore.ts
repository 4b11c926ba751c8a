// What Explore does to questions: words that narrow them, and what one looks at next.
import { pathWith } from './api';
import type { Answer } from './types';

/** Fields that one groups by most, in the order in which one looks. */
export const usual = ['src', 'dport', 'dst', 'proto', 'tool', 'sensor', 'kind', 'service', 'technique', 'tags', 'device', 'src/24', 'dst/24'];
const narrowing = /^(src|dst|sport|dport|proto|kind|tool|service|sensor|technique|tags|device)(\/\d+)?$/;
const drill = ['src', 'dport', 'dst', 'tool', 'sensor'];
export const numbers = new Set(['packets', 'rows', 'bytes', 'distinct', 'targets', 'ports', 'sample', 'confidence']);

export function canNarrow(field: string): boolean {
	return narrowing.test(field);
}

/** The test that a field has this value. */
export function testOf(field: string, value: unknown): string {
	const name = field.replace(/\/.*/, '');
	return `${name === 'tags' ? 'tag' : name} ${String(value)}`;
}

export function andOf(filter: string, test: string): string {
	if (filter === '') return test;
	return /\bor\b/i.test(filter) ? `(${filter}) and ${test}` : `${filter} and ${test}`;
}

/** Where a click on a value leads: narrower, and grouped by what one looks at next. */
export function into(query: Record<string, string>, field: string, value: unknown): string {
	const filter = andOf(query.filter ?? '', testOf(field, value));
	const by = (query.by ?? '').split(',').filter((one) => one !== '');
	if (by.length === 0) return pathWith('/explore', { ...query, filter });
	const rest = by.filter((one) => one !== field);
	const next = rest.length > 0 ? rest.join(',') : (drill.find((one) => one !== field && !new RegExp(`\\b${one}\\b`).test(filter)) ?? '');
	return pathWith('/explore', { ...query, filter, by: next });
}

/** The columns of an answer, the usual ones first. */
export function columnsOf(answer: Answer): string[] {
	if (answer.groups) {
		const one = answer.groups[0];
		const measures = (['packets', 'bytes', 'rows', 'distinct'] as const).filter((name) => one?.[name] !== undefined);
		return [...Object.keys(one?.by ?? {}), ...measures];
	}
	const order = ['time', 'kind', 'src', 'dst', 'sport', 'dport', 'proto', 'service', 'tool', 'packets', 'bytes'];
	const present = new Set((answer.rows ?? []).flatMap((row) => Object.keys(row)));
	return [...order.filter((one) => present.has(one)), ...[...present].filter((one) => !order.includes(one) && one !== 'evidence').slice(0, 6)];
}

export function cellsOf(answer: Answer): Record<string, unknown>[] {
	return answer.groups?.map((one) => ({ ...one.by, packets: one.packets, bytes: one.bytes, rows: one.rows, distinct: one.distinct })) ?? answer.rows ?? [];
}

/** For a spreadsheet: no cell begins what it would take for a formula. */
export function csvOf(columns: string[], cells: Record<string, unknown>[]): string {
	const text = (cell: unknown) => String(typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : (cell ?? ''));
	const lines = [columns, ...cells.map((row) => columns.map((name) => row[name]))];
	return lines.map((line) => line.map((cell) => '"' + text(cell).replace(/^[=+@\t\r-]/, "'$&").replaceAll('"', '""') + '"').join(',')).join('\r\n') + '\r\n';
}

/** A span of time moved by a share of its length, or made longer or shorter around its middle. */
export function spanOf(since: number, until: number, how: 'earlier' | 'later' | 'closer' | 'wider'): { since: string; until: string } {
	const length = until - since;
	const ends: Record<typeof how, [number, number]> = {
		earlier: [since - length / 2, until - length / 2],
		later: [since + length / 2, until + length / 2],
		closer: [since + length / 4, until - length / 4],
		wider: [since - length / 2, until + length / 2],
	};
	const [from, to] = ends[how];
	return { since: new Date(from).toISOString(), until: new Date(Math.max(to, from + 1000)).toISOString() };
}

interface Place {
	country: string;
	packets: number;
	sources: number;
	top: string; // its source with most packets
}

/** Groups by source, added up by country. */
export function placesOf(answer: Answer): { places: Place[]; unknown: number } {
	const out = new Map<string, Place>();
	let unknown = 0;
	for (const one of answer.groups ?? []) {
		const country = one.places?.src?.country ?? '';
		const packets = one.packets ?? one.rows;
		if (country === '') {
			unknown += packets;
			continue;
		}
		const had = out.get(country);
		if (had) {
			had.packets += packets;
			had.sources++;
		} else out.set(country, { country, packets, sources: 1, top: String(one.by?.src ?? '') });
	}
	return { places: [...out.values()].sort((a, b) => b.packets - a.packets), unknown };
}
