// Hands arcs to the map at their time: each second what has just come in, or, while nothing comes,
// the last minutes that were seen, over and over.
import { countryOf, readFlows, type Figures, type Flow, type Range } from './traffic';

/** What the feed tells each second. */
export interface Traffic {
	time: string;
	packets: number;
	arcs: { src: string; country?: string | null; sensor: string; port: number; packets: number }[];
}

export interface Playing {
	at: number; // ms: the time that is shown
	each: number; // packets of one arc
	feed: boolean; // as it comes in
}

const minute = 60_000;
const replaySeconds = 10; // for a minute
const fresh = 90_000; // ms: so long after the last traffic nothing old is played

export class Player {
	#queue: { flow: Flow; when: number }[] = [];
	#arrived = 0;
	#over = false;
	#step = -1; // of the replay; not begun
	#timer: ReturnType<typeof setTimeout> | undefined;
	#pouring: ReturnType<typeof setInterval>;

	constructor(
		readonly fly: (flow: Flow, delay: number) => void,
		readonly playing: (what: Playing) => void,
		readonly figures: () => Figures | undefined,
		readonly ranges: () => Range[],
		readonly arcs: number, // a second, at most
	) {
		this.#pouring = setInterval(() => this.#pour(), 150);
		void this.#next();
	}

	end(): void {
		this.#over = true;
		clearTimeout(this.#timer);
		clearInterval(this.#pouring);
	}

	/** What came in this second. Sensors send a minute at once: that is spread over the time to the next. */
	take(what: Traffic): void {
		if (what.arcs.length === 0) return;
		if (this.#arrived === 0) this.#queue = [];
		this.#arrived = Date.now();
		const total = what.arcs.reduce((sum, one) => sum + one.packets, 0);
		const seconds = Math.max(1, Math.min(55, total / 90));
		this.#schedule(Date.parse(what.time), seconds, what.arcs.map((one) => ({ ...one, country: one.country ?? '' })), true);
	}

	#schedule(from: number, seconds: number, flows: Flow[], feed: boolean): void {
		const known = this.ranges();
		const total = flows.reduce((sum, one) => sum + one.packets, 0);
		const each = Math.max(1, Math.ceil(total / (seconds * this.arcs)));
		this.playing({ at: from, each, feed });
		for (const flow of flows) {
			flow.country ||= countryOf(flow.src, known);
			const arcs = Math.max(1, Math.round(flow.packets / each));
			for (let i = 0; i < arcs; i++) this.#queue.push({ flow, when: performance.now() + Math.random() * seconds * 1000 });
		}
		this.#queue.sort((a, b) => b.when - a.when);
	}

	/** Arcs are handed over a little before they start, in batches. */
	#pour(): void {
		const now = performance.now();
		for (let last = this.#queue.at(-1); last && last.when < now + 400; last = this.#queue.at(-1)) {
			this.#queue.pop();
			if (!document.hidden) this.fly(last.flow, Math.max(0, (last.when - now) / 1000));
		}
	}

	async #play(from: number, seconds: number): Promise<void> {
		const flows = await readFlows(from, from + minute).catch(() => []);
		if (!this.#over && this.#arrived === 0) this.#schedule(from, seconds, flows, false);
	}

	async #next(): Promise<void> {
		const now = this.figures();
		let wait = 500;
		if (Date.now() - this.#arrived < fresh) wait = 5000;
		else if (now && now.newest > 0 && !document.hidden) {
			this.#arrived = 0;
			if (now.isLive) {
				await this.#play(Math.floor(Date.now() / minute) * minute - 2 * minute, 60);
				wait = minute;
			} else {
				const minutes = now.series.map((one) => one.at).slice(-30);
				// it begins with the busiest
				if (this.#step < 0) this.#step = minutes.indexOf(now.series.reduce((a, b) => (b.packets > a.packets && minutes.includes(b.at) ? b : a), { at: minutes[0] ?? 0, packets: 0 }).at);
				await this.#play(minutes[this.#step++ % minutes.length] ?? now.newest, replaySeconds);
				wait = replaySeconds * 1000;
			}
		}
		if (!this.#over) this.#timer = setTimeout(() => void this.#next(), wait);
	}
}
