// The arcs in a thread of their own: the page stays quick while they fly.
import { Arcs, type Tally } from './arcs';

export type Order =
	| { canvas: OffscreenCanvas }
	| { width: number; height: number; ratio: number }
	| { palette: string[] }
	| { rows: Float32Array };

let arcs: Arcs | null = null;

self.onmessage = (event: MessageEvent<Order>) => {
	const order = event.data;
	if ('canvas' in order) arcs = new Arcs(order.canvas, () => new OffscreenCanvas(1, 1), (tally: Tally) => self.postMessage(tally));
	else if ('palette' in order) arcs?.paint(order.palette);
	else if ('rows' in order) arcs?.add(order.rows);
	else arcs?.resize(order.width, order.height, order.ratio);
};
