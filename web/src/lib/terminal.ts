// A terminal as far as sessions need one: text, cursor, erasing, scrolling, colours. What a stranger
// sent is only ever drawn: no sequence answers, sets a title, or reaches anything outside the grid.

const most = { columns: 300, rows: 120 };
const plain = 16 | (16 << 5); // colour 16 = none chosen
const bold = 1 << 10;
const underline = 1 << 11;
const inverse = 1 << 12;

interface Line {
	chars: string[]; // '' = right half of a wide character
	styles: number[];
}
interface Grid {
	lines: Line[];
	x: number;
	y: number;
}
/** A piece of a line that looks alike. */
export interface Run {
	text: string;
	look: string; // classes
	wide: boolean;
}

const begin = { text: 0, escape: 1, sequence: 2, string: 3, stringEnd: 4, skip: 5 } as const;
type State = (typeof begin)[keyof typeof begin];

// What must not stand in a cell: controls, marks of direction, and what has no width of its own.
const unseen = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e01ef}]/u;
const combining = /\p{M}/u;
const drawn = '▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·';

function isWide(c: number): boolean {
	return c >= 0x1100 && (c <= 0x115f || (c >= 0x2e80 && c <= 0xa4cf && c !== 0x303f) || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f) || (c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd));
}

/** One of the sixteen for any colour. */
function nearest(r: number, g: number, b: number): number {
	const top = Math.max(r, g, b);
	if (top - Math.min(r, g, b) < 32) return top < 48 ? 0 : top < 140 ? 8 : top < 220 ? 7 : 15;
	const limit = top / 2;
	return (r > limit ? 1 : 0) + (g > limit ? 2 : 0) + (b > limit ? 4 : 0) + (top > 192 ? 8 : 0);
}
function ofTable(n: number): number {
	if (n < 16) return n;
	if (n >= 232) return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10);
	const step = (v: number) => (v === 0 ? 0 : 55 + v * 40);
	return nearest(step(Math.floor((n - 16) / 36)), step(Math.floor((n - 16) / 6) % 6), step((n - 16) % 6));
}

export class Terminal {
	columns = 80;
	rows = 24;
	x = 0;
	y = 0;
	#lines: Line[] = [];
	#style = plain;
	#top = 0;
	#bottom = 23;
	#saved = { x: 0, y: 0, style: plain };
	#main: Grid | null = null; // while the other screen is shown
	#lineDrawing = false;
	#wrap = true;
	#pending = false; // the last column is full: the next character begins a line
	#state: State = begin.text;
	#held = '';
	#last = ' ';

	constructor(columns: number, rows: number) {
		this.resize(columns, rows);
	}

	resize(columns: number, rows: number): void {
		const within = (n: number, least: number, top: number) => (Number.isFinite(n) && n >= 1 ? Math.min(top, Math.max(least, Math.floor(n))) : 0);
		this.columns = within(columns, 2, most.columns) || 80;
		this.rows = within(rows, 2, most.rows) || 24;
		while (this.#lines.length > this.rows && this.y >= this.rows) {
			this.#lines.shift();
			this.y--;
		}
		this.#lines = this.#fit(this.#lines);
		if (this.#main) this.#main.lines = this.#fit(this.#main.lines);
		this.#top = 0;
		this.#bottom = this.rows - 1;
		this.#go(this.x, this.y);
	}

	#fit(lines: Line[]): Line[] {
		const fitted = lines.slice(0, this.rows);
		for (const line of fitted) {
			line.chars.length = Math.min(line.chars.length, this.columns);
			line.styles.length = line.chars.length;
			while (line.chars.length < this.columns) {
				line.chars.push(' ');
				line.styles.push(plain);
			}
		}
		while (fitted.length < this.rows) fitted.push(this.#empty());
		return fitted;
	}

	#empty(): Line {
		const style = (plain & 31) | (this.#style & (31 << 5)); // what is erased has the background
		return { chars: new Array<string>(this.columns).fill(' '), styles: new Array<number>(this.columns).fill(style) };
	}

	#go(x: number, y: number): void {
		this.x = Math.max(0, Math.min(this.columns - 1, x));
		this.y = Math.max(0, Math.min(this.rows - 1, y));
		this.#pending = false;
	}

	#scroll(by: number, from = this.#top): void {
		const height = this.#bottom - from + 1;
		for (let i = Math.min(Math.abs(by), height); i > 0; i--) {
			if (by > 0) {
				this.#lines.splice(from, 1);
				this.#lines.splice(this.#bottom, 0, this.#empty());
			} else {
				this.#lines.splice(this.#bottom, 1);
				this.#lines.splice(from, 0, this.#empty());
			}
		}
	}

	#down(): void {
		if (this.y === this.#bottom) this.#scroll(1);
		else if (this.y < this.rows - 1) this.y++;
		this.#pending = false;
	}

	#put(char: string): void {
		if (unseen.test(char)) char = '\ufffd';
		const line = this.#lines[this.y];
		if (!line) return;
		if (combining.test(char)) {
			const at = this.#pending ? this.x : Math.max(0, this.x - 1);
			const before = line.chars[at] === '' ? at - 1 : at;
			// a tower of marks would reach over the lines above
			if ((line.chars[before] ?? '').length < 4) line.chars[before] += char;
			return;
		}
		const wide = isWide(char.codePointAt(0) ?? 0);
		if (this.#pending || (wide && this.x === this.columns - 1)) {
			if (this.#wrap) {
				this.x = 0;
				this.#down();
			}
			this.#pending = false;
		}
		this.#cell(this.x, this.y, char);
		if (wide && this.x + 1 < this.columns) this.#cell(++this.x, this.y, '');
		if (this.x + 1 < this.columns) this.x++;
		else this.#pending = true;
		this.#last = char;
	}

	#cell(x: number, y: number, char: string): void {
		const line = this.#lines[y];
		if (!line) return;
		// half of a wide character does not stay alone
		if (line.chars[x] === '' && char !== '' && x > 0) line.chars[x - 1] = ' ';
		if (line.chars[x + 1] === '' && char !== '') line.chars[x + 1] = ' ';
		line.chars[x] = char;
		line.styles[x] = this.#style;
	}

	#erase(y: number, from: number, to: number): void {
		const line = this.#lines[y];
		if (!line) return;
		const blank = this.#empty();
		for (let x = Math.max(0, from); x < Math.min(to, this.columns); x++) {
			line.chars[x] = ' ';
			line.styles[x] = blank.styles[0] ?? plain;
		}
	}

	#screen(other: boolean): void {
		if (other === (this.#main !== null)) return;
		if (other) {
			this.#main = { lines: this.#lines, x: this.x, y: this.y };
			this.#lines = this.#fit([]);
		} else if (this.#main) {
			this.#lines = this.#main.lines;
			this.#go(this.#main.x, this.#main.y);
			this.#main = null;
		}
	}

	#reset(): void {
		this.#style = plain;
		this.#main = null;
		this.#lines = this.#fit([]);
		this.#top = 0;
		this.#bottom = this.rows - 1;
		this.#lineDrawing = false;
		this.#wrap = true;
		this.#go(0, 0);
	}

	/** Text as it was sent; a sequence may be cut anywhere between two calls. */
	write(text: string): void {
		for (const char of text) this.#take(char);
	}

	#take(char: string): void {
		const code = char.codePointAt(0) ?? 0;
		if (this.#state === begin.string || this.#state === begin.stringEnd) {
			// titles, clipboards and the like: passed over
			const ends = code === 7 || code === 0x9c || (this.#state === begin.stringEnd && char === '\\');
			this.#state = ends || code === 0x18 ? begin.text : code === 27 ? begin.stringEnd : begin.string;
			return;
		}
		if (code === 27) {
			this.#state = begin.escape;
			this.#held = '';
		} else if (code < 32) this.#control(code);
		else if (this.#state === begin.escape) this.#escape(char);
		else if (this.#state === begin.skip) {
			if (this.#held === '(') this.#lineDrawing = char === '0';
			else if (this.#held === '#' && char === '8') this.#lines.forEach((line) => line.chars.fill('E'));
			this.#state = begin.text;
		} else if (this.#state === begin.sequence) {
			if (code >= 0x40 && code <= 0x7e) {
				this.#state = begin.text;
				this.#sequence(char);
			} else if (this.#held.length < 64) this.#held += char;
		} else this.#put(this.#lineDrawing && code >= 0x61 && code <= 0x7e ? (drawn[code - 0x61] ?? char) : char);
	}

	#control(code: number): void {
		if (code === 8) this.#go(this.x - 1, this.y);
		else if (code === 9) this.#go((this.x & ~7) + 8, this.y);
		else if (code === 10 || code === 11 || code === 12) this.#down();
		else if (code === 13) this.#go(0, this.y);
		else if (code === 0x18 || code === 0x1a) this.#state = begin.text;
	}

	#escape(char: string): void {
		this.#state = begin.text;
		if (char === '[') this.#state = begin.sequence;
		else if (']PX^_'.includes(char)) this.#state = begin.string;
		else if ('()*+#% '.includes(char)) {
			this.#state = begin.skip;
			this.#held = char;
		} else if (char === '7') this.#saved = { x: this.x, y: this.y, style: this.#style };
		else if (char === '8') this.#restore();
		else if (char === 'D') this.#down();
		else if (char === 'E') {
			this.x = 0;
			this.#down();
		} else if (char === 'M') {
			if (this.y === this.#top) this.#scroll(-1);
			else this.#go(this.x, this.y - 1);
		} else if (char === 'c') this.#reset();
	}

	#restore(): void {
		this.#style = this.#saved.style;
		this.#go(this.#saved.x, this.#saved.y);
	}

	#sequence(last: string): void {
		const own = /^[?>=!<]/.exec(this.#held)?.[0] ?? '';
		const values = this.#held.slice(own.length).split(/[;:]/).map((one) => Math.min(9999, Number.parseInt(one, 10) || 0));
		if (own === '?') {
			if (last === 'h' || last === 'l') for (const one of values) this.#mode(one, last === 'h');
			return;
		}
		if (own !== '' || /[ -/]/.test(this.#held)) return;
		const first = values[0] ?? 0;
		const n = Math.max(1, first);
		const acts: Record<string, () => void> = {
			A: () => this.#go(this.x, this.y - n),
			B: () => this.#go(this.x, this.y + n),
			C: () => this.#go(this.x + n, this.y),
			D: () => this.#go(this.x - n, this.y),
			E: () => this.#go(0, this.y + n),
			F: () => this.#go(0, this.y - n),
			G: () => this.#go(n - 1, this.y),
			'`': () => this.#go(n - 1, this.y),
			a: () => this.#go(this.x + n, this.y),
			d: () => this.#go(this.x, n - 1),
			e: () => this.#go(this.x, this.y + n),
			H: () => this.#go((values[1] || 1) - 1, n - 1),
			f: () => this.#go((values[1] || 1) - 1, n - 1),
			I: () => this.#go(((this.x >> 3) + n) << 3, this.y),
			Z: () => this.#go(Math.max(0, ((this.x + 7) >> 3) - n) << 3, this.y),
			J: () => this.#eraseScreen(first),
			K: () => this.#erase(this.y, first === 0 ? this.x : 0, first === 1 ? this.x + 1 : this.columns),
			X: () => this.#erase(this.y, this.x, this.x + n),
			P: () => this.#shift(-n),
			'@': () => this.#shift(n),
			L: () => this.#insertLines(-n),
			M: () => this.#insertLines(n),
			S: () => this.#scroll(n),
			T: () => this.#scroll(-n),
			b: () => {
				for (let i = Math.min(n, this.columns * this.rows); i > 0; i--) this.#put(this.#last);
			},
			m: () => this.#color(values),
			r: () => this.#region(first, values[1] ?? 0),
			s: () => (this.#saved = { x: this.x, y: this.y, style: this.#style }),
			u: () => this.#restore(),
		};
		if (Object.hasOwn(acts, last)) acts[last]?.();
	}

	#mode(number: number, on: boolean): void {
		if (number === 7) this.#wrap = on;
		else if (number === 47 || number === 1047 || number === 1049) this.#screen(on);
	}

	#eraseScreen(what: number): void {
		const from = what === 0 ? this.y + 1 : 0;
		const to = what === 1 ? this.y : this.rows;
		for (let y = from; y < to; y++) this.#erase(y, 0, this.columns);
		if (what === 0) this.#erase(this.y, this.x, this.columns);
		if (what === 1) this.#erase(this.y, 0, this.x + 1);
	}

	#shift(by: number): void {
		const line = this.#lines[this.y];
		const blank = this.#empty();
		if (!line) return;
		const count = Math.min(Math.abs(by), this.columns - this.x);
		const at = by > 0 ? this.x : this.columns - count;
		if (by < 0) {
			line.chars.splice(this.x, count);
			line.styles.splice(this.x, count);
		}
		line.chars.splice(at, 0, ...blank.chars.slice(0, count));
		line.styles.splice(at, 0, ...blank.styles.slice(0, count));
		line.chars.length = line.styles.length = this.columns;
	}

	#insertLines(by: number): void {
		if (this.y < this.#top || this.y > this.#bottom) return;
		this.#scroll(by, this.y);
		this.#go(0, this.y);
	}

	#region(top: number, bottom: number): void {
		const from = Math.max(1, top) - 1;
		const to = Math.min(this.rows, bottom || this.rows) - 1;
		if (from >= to) return;
		this.#top = from;
		this.#bottom = to;
		this.#go(0, 0);
	}

	#color(values: number[]): void {
		const foreground = (c: number) => (this.#style = (this.#style & ~31) | c);
		const background = (c: number) => (this.#style = (this.#style & ~(31 << 5)) | (c << 5));
		for (let i = 0; i < values.length; i++) {
			const v = values[i] ?? 0;
			if (v === 0) this.#style = plain;
			else if (v === 1) this.#style |= bold;
			else if (v === 4) this.#style |= underline;
			else if (v === 7) this.#style |= inverse;
			else if (v === 22) this.#style &= ~bold;
			else if (v === 24) this.#style &= ~underline;
			else if (v === 27) this.#style &= ~inverse;
			else if (v >= 30 && v <= 37) foreground(v - 30);
			else if (v >= 40 && v <= 47) background(v - 40);
			else if (v >= 90 && v <= 97) foreground(v - 82);
			else if (v >= 100 && v <= 107) background(v - 92);
			else if (v === 39) foreground(16);
			else if (v === 49) background(16);
			else if (v === 38 || v === 48) {
				const set = v === 38 ? foreground : background;
				if (values[i + 1] === 5) set(ofTable(Math.min(255, values[i + 2] ?? 0)));
				else if (values[i + 1] === 2) set(nearest(values[i + 2] ?? 0, values[i + 3] ?? 0, values[i + 4] ?? 0));
				i += values[i + 1] === 5 ? 2 : values[i + 1] === 2 ? 4 : 0;
			}
		}
	}

	/** What is on the screen, line by line, in pieces that look alike. */
	screen(): Run[][] {
		return this.#lines.map((line, y) => {
			const runs: Run[] = [];
			let style = -1;
			for (let x = 0; x < this.columns; x++) {
				const text = line.chars[x] ?? ' ';
				if (text === '') continue;
				const wide = line.chars[x + 1] === '';
				const here = this.y === y && this.x === x ? 1 << 13 : 0;
				const now = (line.styles[x] ?? plain) | here;
				const before = runs.at(-1);
				if (before && !wide && !before.wide && now === style) before.text += text;
				else runs.push({ text, look: lookOf(now), wide });
				style = now;
			}
			return runs;
		});
	}

	/** The same as text, without what is empty at the ends. */
	text(): string {
		return this.#lines.map((line) => line.chars.join('').trimEnd()).join('\n').trimEnd();
	}

	/** Another terminal in the same state. */
	copy(): Terminal {
		const other = new Terminal(this.columns, this.rows);
		const lines = (all: Line[]) => all.map((line) => ({ chars: [...line.chars], styles: [...line.styles] }));
		other.#lines = lines(this.#lines);
		other.#main = this.#main && { ...this.#main, lines: lines(this.#main.lines) };
		other.x = this.x;
		other.y = this.y;
		other.#style = this.#style;
		other.#top = this.#top;
		other.#bottom = this.#bottom;
		other.#saved = { ...this.#saved };
		other.#lineDrawing = this.#lineDrawing;
		other.#wrap = this.#wrap;
		other.#pending = this.#pending;
		other.#state = this.#state;
		other.#held = this.#held;
		other.#last = this.#last;
		return other;
	}
}

function lookOf(style: number): string {
	let front = style & 31;
	let back = (style >> 5) & 31;
	if (style & inverse) [front, back] = [back === 16 ? 17 : back, front === 16 ? 18 : front];
	if (style & bold && front < 8) front += 8;
	const looks = [];
	if (front !== 16) looks.push('f' + front);
	if (back !== 16) looks.push('b' + back);
	if (style & bold) looks.push('bold');
	if (style & underline) looks.push('under');
	if (style & (1 << 13)) looks.push('cursor');
	return looks.join(' ');
}
