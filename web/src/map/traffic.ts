// What arrives, for the map and the figures beside it.
import { ask } from '../lib/api';
import { protoName } from '../lib/text';
import type { Answer, Group, Holding, Organisation } from '../lib/types';

export interface Flow {
	src: string;
	port: number;
	sensor: string;
	packets: number;
	country: string;
}

const flows = 'kind telescope.flow';

export interface Figures {
	newest: number; // ms; 0 = nothing yet
	isLive: boolean;
	rate: number; // packets a second in the newest whole minute
	day: number; // packets of the day that ends with the newest
	series: { at: number; packets: number }[];
	ports: { port: number; proto: string; packets: number; sources: number; rises: boolean }[];
	tools: { tool: string; packets: number }[];
}

const iso = (ms: number) => new Date(ms).toISOString();
const minute = 60_000;

/** The last hours: what the newest time is, and the packets of each minute before it. */
async function seriesUntil(signal: AbortSignal): Promise<{ at: number; packets: number }[]> {
	for (const since of ['-24h', '']) {
		const answer = await ask<Answer>('/query', { series: since === '' ? '1h' : '1m', filter: flows, since }, signal);
		const groups = answer.groups ?? [];
		const last = groups.at(-1)?.time;
		if (last === undefined) continue;
		if (since === '') {
			const day = Date.parse(last) + 3_600_000;
			const fine = await ask<Answer>('/query', { series: '1m', filter: flows, since: iso(day - 86_400_000), until: iso(day) }, signal);
			return seriesOf(fine.groups ?? []);
		}
		return seriesOf(groups);
	}
	return [];
}

function seriesOf(groups: Group[]): { at: number; packets: number }[] {
	return groups.map((one) => ({ at: Date.parse(one.time ?? ''), packets: one.packets ?? 0 }));
}

export async function readFigures(signal: AbortSignal): Promise<Figures> {
	const series = await seriesUntil(signal);
	const newest = series.at(-1)?.at ?? 0;
	if (newest === 0) return { newest, isLive: false, rate: 0, day: 0, series, ports: [], tools: [] };
	const window = { since: iso(newest - 59 * minute), until: iso(newest + minute), filter: flows };
	const [ports, tools, rising] = await Promise.all([
		ask<Answer>('/query', { ...window, by: 'dport,proto', distinct: 'src', sum: 'packets', top: 12 }, signal),
		ask<Answer>('/query', { ...window, by: 'tool', sum: 'packets', top: 8 }, signal),
		ask<Answer>('/query', { ...window, filter: 'kind telescope.rising', by: 'dport', top: 50 }, signal),
	]);
	const rises = new Set((rising.groups ?? []).map((one) => Number(one.by?.dport)));
	const isLive = Date.now() - newest < 5 * minute;
	// the newest minute may not be whole yet
	const whole = isLive && series.length > 1 ? series.at(-2) : series.at(-1);
	return {
		newest,
		isLive,
		rate: (whole?.packets ?? 0) / 60,
		day: series.reduce((sum, one) => sum + one.packets, 0),
		series,
		ports: (ports.groups ?? []).map((one) => ({ port: Number(one.by?.dport ?? 0), proto: protoName(Number(one.by?.proto ?? 0)), packets: one.packets ?? 0, sources: one.distinct ?? 0, rises: rises.has(Number(one.by?.dport)) })),
		tools: (tools.groups ?? []).map((one) => ({ tool: typeof one.by?.tool === 'string' ? one.by.tool : '', packets: one.packets ?? 0 })),
	};
}

/** Who sent to which port between two times, the busiest first. */
export async function readFlows(since: number, until: number, signal?: AbortSignal): Promise<Flow[]> {
	const answer = await ask<Answer>('/query', { filter: flows, since: iso(since), until: iso(until), by: 'src,dport,sensor', sum: 'packets', top: 400, places: 1 }, signal);
	return (answer.groups ?? []).map((one) => ({
		src: String(one.by?.src ?? ''),
		port: Number(one.by?.dport ?? 0),
		sensor: String(one.by?.sensor ?? ''),
		packets: one.packets ?? 0,
		country: one.places?.src?.country ?? '',
	}));
}

// ---- countries that the directory of owners knows ----

function v4(text: string): number {
	const parts = text.split('.').map(Number);
	return parts.length === 4 && parts.every((one) => one >= 0 && one < 256) ? parts.reduce((sum, one) => sum * 256 + one, 0) : NaN;
}

export interface Range {
	low: number;
	high: number;
	country: string;
}

/** Ranges of IPv4 whose owner's country is known, the smallest first. */
export async function readCountries(signal: AbortSignal): Promise<Range[]> {
	const { organisations } = await ask<{ organisations: Organisation[] }>('/organisations', { limit: 60 }, signal);
	const out: Range[] = [];
	for (const one of organisations.filter((o) => o.country !== '').slice(0, 24)) {
		const { holdings } = await ask<{ holdings: Holding[] }>('/organisations/' + one.id, {}, signal);
		for (const h of holdings) {
			const low = v4(h.low ?? '');
			const high = v4(h.high ?? '');
			if (!Number.isNaN(low + high)) out.push({ low, high, country: one.country });
		}
	}
	return out.sort((a, b) => a.high - a.low - (b.high - b.low));
}

export function countryOf(address: string, ranges: Range[]): string {
	const number = v4(address);
	return ranges.find((one) => number >= one.low && number <= one.high)?.country ?? '';
}

/** Where an address lies on the ruler of all IPv4 addresses: 0 to 1; IPv6 at its end. */
export function shareOf(address: string): number {
	const number = v4(address);
	return Number.isNaN(number) ? 1 : number / 2 ** 32;
}
