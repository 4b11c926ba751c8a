// Arcs that fly, and rings where they land. In each frame an arc gets only the piece that it has
// flown since the last, all pieces of a colour in one stroke, while the whole picture fades: the
// trail costs nothing, whatever its length, and a machine without a graphics processor keeps up.

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

interface Flying extends Arc {
	birth: number;
	x: number; // where it was last
	y: number;
}

const most = 4096;
const fade = 0.3; // seconds in which a trail falls to a third
const landing = 0.45; // seconds of a ring

export class Arcs {
	#draw: CanvasRenderingContext2D | null;
	#flying: Flying[] = [];
	#palette: string[] = [];
	#width = 1;
	#height = 1;
	#last = 0;
	#landed = 0; // when the last ring ended
	#frame = 0;
	#flown = 0;

	constructor(readonly canvas: HTMLCanvasElement) {
		this.#draw = canvas.getContext('2d');
	}

	resize(width: number, height: number, ratio: number): void {
		this.#width = width;
		this.#height = height;
		this.canvas.width = Math.round(width * ratio);
		this.canvas.height = Math.round(height * ratio);
		this.#draw?.setTransform(ratio, 0, 0, ratio, 0, 0);
	}

	paint(palette: string[]): void {
		this.#palette = palette;
	}

	/** Let one fly; when there is no room it does not. */
	add(arc: Arc): void {
		if (this.#flying.length >= most) return;
		this.#flying.push({ ...arc, birth: performance.now() / 1000 + arc.delay, x: arc.fromX, y: arc.fromY });
		this.#flown++;
		if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#step(now / 1000));
	}

	clear(): void {
		this.#flying = [];
		this.#draw?.clearRect(0, 0, this.#width, this.#height);
	}

	end(): void {
		cancelAnimationFrame(this.#frame);
		this.#frame = -1;
	}

	#step(now: number): void {
		const draw = this.#draw;
		if (!draw) return;
		const passed = Math.min(0.25, now - this.#last);
		this.#last = now;
		draw.globalCompositeOperation = 'destination-out';
		draw.globalAlpha = 1 - Math.exp(-passed / fade);
		draw.fillRect(0, 0, this.#width, this.#height);
		draw.globalCompositeOperation = 'source-over';
		draw.globalAlpha = 1;
		this.#fly(draw, now);
		this.canvas.dataset.flown = String(this.#flown);
		// nothing flies: nothing is drawn, and the machine may rest
		if (this.#flying.length > 0 || now < this.#landed + fade * 6) {
			this.#frame = requestAnimationFrame((next) => this.#step(next / 1000));
			return;
		}
		draw.clearRect(0, 0, this.#width, this.#height);
		this.#frame = 0;
	}

	#fly(draw: CanvasRenderingContext2D, now: number): void {
		const lines = this.#palette.map(() => new Path2D());
		const rings = this.#palette.map(() => new Path2D());
		const kept: Flying[] = [];
		for (const one of this.#flying) {
			const age = (now - one.birth) / one.life;
			const since = (age - 1) * one.life;
			if (since < landing) kept.push(one);
			if (age < 0) continue;
			const u = Math.min(1, age);
			if (one.x !== one.toX || one.y !== one.toY) {
				const v = 1 - u;
				const x = v * v * one.fromX + v * u * (one.fromX + one.toX) + u * u * one.toX;
				const y = v * v * one.fromY + 2 * v * u * ((one.fromY + one.toY) / 2 - one.bend) + u * u * one.toY;
				lines[one.color]?.moveTo(one.x, one.y);
				lines[one.color]?.lineTo(x, y);
				one.x = x;
				one.y = y;
			}
			if (since >= 0 && since < landing) {
				const radius = 2 + (since / landing) * 6;
				rings[one.color]?.moveTo(one.toX + radius, one.toY);
				rings[one.color]?.arc(one.toX, one.toY, radius, 0, 2 * Math.PI);
				this.#landed = now;
			}
		}
		this.#flying = kept;
		for (let i = 0; i < this.#palette.length; i++) {
			draw.strokeStyle = this.#palette[i] ?? '';
			draw.lineWidth = 1.4;
			draw.stroke(lines[i] as Path2D);
			draw.lineWidth = 0.7;
			draw.stroke(rings[i] as Path2D);
		}
	}
}
