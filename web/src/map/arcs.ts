// Arcs that fly, and a light where they land. In each frame an arc gets only the piece that it has
// flown since the last, all pieces of a colour in one path, while the whole picture fades: the trail
// costs nothing, whatever its length. Numbers lie in typed arrays, one row an arc; nothing is made
// in a frame. It draws on any canvas, of the page or of a worker.

/** Numbers of a row as they are handed over: from, to, lift of the middle, delay, life, colour. */
export const rowSize = 8;

/** How far it is, for the reader and the tests. */
export interface Tally {
	flown: number; // arcs since the start
	frames: number; // that were drawn
}

const most = 4096; // arcs in the air
const fade = 0.3; // seconds in which a trail falls to a third
const fadeEach = 2; // frames: in larger steps 8 bits fade to nothing, in small ones a ghost stays
const slow = 0.02; // seconds a frame; above that the picture gets coarser
const coarsest = 0.5;

// In the air a row is: from x, y; to x, y; middle x, y; birth; life; where it was last x, y.
const FX = 0, FY = 1, TX = 2, TY = 3, MX = 4, MY = 5, BIRTH = 6, LIFE = 7, X = 8, Y = 9;
const size = 10;

type Canvas = HTMLCanvasElement | OffscreenCanvas;
type Draw = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** The arcs of one colour. */
class Flock {
	readonly rows = new Float64Array(most * size);
	count = 0;
	light: Canvas | null = null;
	color = '';
}

export class Arcs {
	#draw: Draw | null;
	#flocks: Flock[] = [];
	#width = 1;
	#height = 1;
	#ratio = 1;
	#share = 1; // of the ratio, when the machine is slow
	#last = 0;
	#landed = 0;
	#frame = 0;
	#pace = 0.016; // seconds a frame, smoothed
	#unfaded = 0; // seconds
	#tally: Tally = { flown: 0, frames: 0 };
	#over = false;

	constructor(readonly canvas: Canvas, readonly blank: () => Canvas, readonly told: (tally: Tally) => void) {
		this.#draw = canvas.getContext('2d') as Draw | null;
	}

	resize(width: number, height: number, ratio: number): void {
		this.#width = width;
		this.#height = height;
		this.#ratio = ratio;
		this.#fit();
		this.clear();
	}

	#fit(): void {
		const ratio = this.#ratio * this.#share;
		this.canvas.width = Math.max(1, Math.round(this.#width * ratio));
		this.canvas.height = Math.max(1, Math.round(this.#height * ratio));
		this.#draw?.setTransform(ratio, 0, 0, ratio, 0, 0);
	}

	paint(palette: string[]): void {
		this.#flocks = palette.map((color, i) => {
			const flock = this.#flocks[i] ?? new Flock();
			flock.color = color;
			flock.light = this.#light(color);
			return flock;
		});
	}

	/** What is left where an arc lands, drawn once and stamped from then on. */
	#light(color: string): Canvas | null {
		const light = this.blank();
		light.width = light.height = 24;
		const draw = light.getContext('2d') as Draw | null;
		if (!draw) return null;
		draw.strokeStyle = draw.fillStyle = color;
		draw.globalAlpha = 0.25;
		draw.beginPath();
		draw.arc(12, 12, 9, 0, 2 * Math.PI);
		draw.fill();
		draw.globalAlpha = 1;
		draw.beginPath();
		draw.arc(12, 12, 4, 0, 2 * Math.PI);
		draw.fill();
		return light;
	}

	/** Let them fly, `rowSize` numbers each; those for which there is no room do not. */
	add(rows: Float32Array): void {
		const now = performance.now() / 1000;
		for (let i = 0; i + rowSize <= rows.length; i += rowSize) {
			const flock = this.#flocks[rows[i + 7] as number];
			if (!flock || flock.count >= most) continue;
			const at = flock.count++ * size;
			const to = flock.rows;
			const fromX = rows[i] as number, fromY = rows[i + 1] as number;
			const toX = rows[i + 2] as number, toY = rows[i + 3] as number;
			to[at + FX] = to[at + X] = fromX;
			to[at + FY] = to[at + Y] = fromY;
			to[at + TX] = toX;
			to[at + TY] = toY;
			to[at + MX] = (fromX + toX) / 2;
			to[at + MY] = (fromY + toY) / 2 - (rows[i + 4] as number);
			to[at + BIRTH] = now + (rows[i + 5] as number);
			to[at + LIFE] = Math.max(0.001, rows[i + 6] as number);
			this.#tally.flown++;
		}
		if (this.#frame === 0 && !this.#over) {
			this.#last = now;
			this.#next();
		}
	}

	clear(): void {
		for (const flock of this.#flocks) flock.count = 0;
		this.#draw?.clearRect(0, 0, this.#width, this.#height);
	}

	end(): void {
		this.#over = true;
		cancelAnimationFrame(this.#frame);
	}

	#next(): void {
		this.#frame = requestAnimationFrame(() => this.#step(performance.now() / 1000));
	}

	#step(now: number): void {
		const draw = this.#draw;
		if (!draw) return;
		const passed = Math.max(0, Math.min(0.25, now - this.#last));
		this.#last = now;
		this.#unfaded += passed;
		if (++this.#tally.frames % fadeEach === 0) {
			draw.globalCompositeOperation = 'destination-out';
			draw.globalAlpha = 1 - Math.exp(-this.#unfaded / fade);
			draw.fillRect(0, 0, this.#width, this.#height);
			draw.globalCompositeOperation = 'source-over';
			draw.globalAlpha = 1;
			this.#unfaded = 0;
		}
		draw.lineWidth = 1.4;
		let flying = 0;
		for (const flock of this.#flocks) flying += this.#fly(draw, flock, now);
		this.#keepUp(passed);
		if (this.#tally.frames % 15 === 0) this.told(this.#tally);
		// nothing flies: nothing is drawn, and the machine may rest
		if (flying > 0 || now < this.#landed + fade * 8) {
			this.#next();
			return;
		}
		draw.clearRect(0, 0, this.#width, this.#height);
		this.told(this.#tally);
		this.#frame = 0;
	}

	/** A machine that does not keep up gets a coarser picture instead of a slower one. */
	#keepUp(passed: number): void {
		this.#pace += (passed - this.#pace) * 0.02;
		if (this.#pace < slow || this.#share <= coarsest || this.#tally.frames % 60 !== 0) return;
		this.#share = Math.max(coarsest, this.#share * 0.8);
		this.#pace = 0.016;
		this.#fit();
	}

	#fly(draw: Draw, flock: Flock, now: number): number {
		const rows = flock.rows;
		let drawn = false;
		for (let i = 0; i < flock.count; i++) {
			const at = i * size;
			const u = (now - (rows[at + BIRTH] as number)) / (rows[at + LIFE] as number);
			if (u < 0) continue;
			if (!drawn) draw.beginPath();
			drawn = true;
			draw.moveTo(rows[at + X] as number, rows[at + Y] as number);
			if (u < 1) {
				const v = 1 - u;
				const x = v * v * (rows[at + FX] as number) + 2 * v * u * (rows[at + MX] as number) + u * u * (rows[at + TX] as number);
				const y = v * v * (rows[at + FY] as number) + 2 * v * u * (rows[at + MY] as number) + u * u * (rows[at + TY] as number);
				draw.lineTo(x, y);
				rows[at + X] = x;
				rows[at + Y] = y;
				continue;
			}
			draw.lineTo(rows[at + TX] as number, rows[at + TY] as number);
			if (flock.light) draw.drawImage(flock.light, (rows[at + TX] as number) - 6, (rows[at + TY] as number) - 6, 12, 12);
			this.#landed = now;
			// the last row takes its place
			flock.count--;
			rows.copyWithin(at, flock.count * size, (flock.count + 1) * size);
			i--;
		}
		if (drawn) {
			draw.strokeStyle = flock.color;
			draw.stroke();
		}
		return flock.count;
	}
}
