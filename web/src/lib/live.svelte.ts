// What is live: one stream of server-sent events for the whole page.
import { pathWith } from './api';
import { look } from './session.svelte';

export interface LiveCase {
	case: number;
	action: string;
	state: string;
	severity: string;
	time: string;
}

type Take = (name: string, data: Record<string, unknown>) => void;

const state = $state<{ standing: 'off' | 'on' | 'lost' }>({ standing: 'off' });
export const live = {
	get standing() {
		return state.standing;
	},
};

const takers = new Set<Take>();
const names = ['case', 'finding', 'notice', 'alert', 'sensor', 'status', 'reset', 'traffic'];
let source: EventSource | null = null;
let traffic = false; // only a map wants it
let last = ''; // how far we are
let later: ReturnType<typeof setTimeout> | undefined;

export function connect(): void {
	if (source) return;
	source = new EventSource(pathWith('/api/v1/events', { traffic: traffic ? 1 : '', last }));
	source.onopen = () => {
		state.standing = 'on';
	};
	source.onerror = () => {
		state.standing = 'lost';
		// the browser tries again by itself, unless the hub refused
		if (source?.readyState !== EventSource.CLOSED) return;
		disconnect();
		state.standing = 'lost';
		void look();
		later = setTimeout(connect, 10_000);
	};
	for (const name of names)
		source.addEventListener(name, (event) => {
			let data: Record<string, unknown>;
			try {
				data = JSON.parse((event as MessageEvent<string>).data);
			} catch {
				return;
			}
			last = (event as MessageEvent).lastEventId || last;
			for (const take of takers) take(name, data);
		});
}

export function disconnect(): void {
	clearTimeout(later);
	source?.close();
	source = null;
	state.standing = 'off';
}

/** Traffic comes too, from now on or no more. */
export function wantTraffic(wanted: boolean): void {
	if (traffic === wanted) return;
	traffic = wanted;
	if (!source) return;
	disconnect();
	connect();
}

/** Listen; the answer ends it. */
export function listen(take: Take): () => void {
	takers.add(take);
	return () => takers.delete(take);
}

/** Call `what` soon after one of these events, once for many; the answer ends it. */
export function whenLive(events: string[], what: () => void, wait = 700): () => void {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const end = listen((name) => {
		if (!events.includes(name) && name !== 'reset') return;
		clearTimeout(timer);
		timer = setTimeout(what, wait);
	});
	return () => {
		clearTimeout(timer);
		end();
	};
}
