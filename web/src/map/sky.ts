// Where arcs are drawn: by a worker, where the browser lets one draw; else by the page itself.
import address from './arcs.worker?worker&url';
import { Arcs, rowSize, type Tally } from './arcs';
import type { Order } from './arcs.worker';

export interface Arc {
	fromX: number;
	fromY: number;
	toX: number;
	toY: number;
	bend: number; // how far its middle is lifted, in pixels
	delay: number; // seconds until it starts
	life: number; // seconds of its flight
	color: number; // index of the palette
}

interface Policy {
	createScriptURL(url: string): string;
}
// the page's policy lets no text become a script but what this names
const types = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } }).trustedTypes;
let policy: Policy | undefined;

function worker(): Worker | null {
	if (!('transferControlToOffscreen' in HTMLCanvasElement.prototype) || typeof OffscreenCanvas === 'undefined') return null;
	try {
		policy ??= types?.createPolicy('hinomi-worker', {
			createScriptURL: (url) => {
				if (url !== address) throw new TypeError(url);
				return url;
			},
		});
		return new Worker(policy ? policy.createScriptURL(address) : address, { type: 'module' });
	} catch {
		return null;
	}
}

export class Sky {
	#worker: Worker | null;
	#arcs: Arcs | null = null;
	#waiting: number[] = [];

	constructor(canvas: HTMLCanvasElement) {
		const told = (tally: Tally) => {
			canvas.dataset.flown = String(tally.flown);
			canvas.dataset.frames = String(tally.frames);
		};
		this.#worker = worker();
		if (this.#worker) {
			this.#worker.onmessage = (event: MessageEvent<Tally>) => told(event.data);
			const own = canvas.transferControlToOffscreen();
			this.#worker.postMessage({ canvas: own } satisfies Order, [own]);
		} else this.#arcs = new Arcs(canvas, () => document.createElement('canvas'), told);
	}

	resize(width: number, height: number, ratio: number): void {
		this.#worker?.postMessage({ width, height, ratio } satisfies Order);
		this.#arcs?.resize(width, height, ratio);
	}

	paint(palette: string[]): void {
		this.#worker?.postMessage({ palette } satisfies Order);
		this.#arcs?.paint(palette);
	}

	/** One more; they leave together when what runs now is done. */
	add(arc: Arc): void {
		if (this.#waiting.length === 0) queueMicrotask(() => this.#leave());
		this.#waiting.push(arc.fromX, arc.fromY, arc.toX, arc.toY, arc.bend, arc.delay, arc.life, arc.color);
	}

	#leave(): void {
		const rows = Float32Array.from(this.#waiting.slice(0, 4096 * rowSize));
		this.#waiting = [];
		this.#arcs?.add(rows);
		this.#worker?.postMessage({ rows } satisfies Order, [rows.buffer]);
	}

	end(): void {
		this.#worker?.terminate();
		this.#arcs?.end();
	}
}
