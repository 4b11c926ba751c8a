// A session's asciicast (version 2), which grows while the session runs, and what its terminal showed
// at any time.
import { Terminal } from './terminal';

interface Event {
	at: number; // seconds since the start
	type: string;
	text: string;
}

const step = 200_000; // characters between two states that are kept for going back

export class Cast {
	columns = 80;
	rows = 24;
	bytes = 0; // that were read
	events: Event[] = [];
	marks: { at: number; text: string }[] = [];
	end = 0; // of the last event
	#kept: { next: number; terminal: Terminal }[] = [];
	#fresh = 0; // characters since the last that was kept
	#terminal = new Terminal(80, 24);
	#next = 0; // event that the terminal has not seen

	/** Take what came; false when it does not go on where the last ended: then all is to be read anew. */
	add(text: string): boolean {
		const lines = text.split('\n');
		const began = this.bytes > 0;
		const found: Event[] = [];
		try {
			if (!began) {
				const head = JSON.parse(lines.shift() ?? '') as { width?: number; height?: number };
				this.#terminal = new Terminal(Number(head.width), Number(head.height));
				this.columns = this.#terminal.columns;
				this.rows = this.#terminal.rows;
			}
			for (const line of lines) {
				if (line === '') continue;
				const [at, type, said] = JSON.parse(line) as [number, string, string];
				if (typeof at !== 'number' || typeof type !== 'string' || typeof said !== 'string') return false;
				found.push({ at, type, text: said });
			}
		} catch {
			return false;
		}
		this.bytes += new TextEncoder().encode(text).length;
		for (const event of found) {
			this.events.push(event);
			this.end = Math.max(this.end, event.at);
			if (event.type === 'm') this.marks.push({ at: event.at, text: event.text });
		}
		if (this.#kept.length === 0) this.#kept.push({ next: 0, terminal: this.#terminal.copy() });
		return true;
	}

	/** The terminal as it was at a time. */
	at(seconds: number): Terminal {
		const before = this.events[this.#next - 1];
		if (before && before.at > seconds) {
			const kept = this.#kept.filter((one) => one.next === 0 || (this.events[one.next - 1]?.at ?? 0) <= seconds).at(-1);
			if (kept) {
				this.#terminal = kept.terminal.copy();
				this.#next = kept.next;
				this.#fresh = 0;
			}
		}
		for (let event = this.events[this.#next]; event && event.at <= seconds; event = this.events[++this.#next]) this.#show(event);
		return this.#terminal;
	}

	#show(event: Event): void {
		if (event.type === 'o') {
			this.#terminal.write(event.text);
			this.#fresh += event.text.length;
		} else if (event.type === 'r') {
			const [columns, rows] = event.text.split('x').map(Number);
			this.#terminal.resize(columns ?? 80, rows ?? 24);
		}
		if (this.#fresh > step) {
			this.#fresh = 0;
			if (!this.#kept.some((one) => one.next > this.#next)) this.#kept.push({ next: this.#next + 1, terminal: this.#terminal.copy() });
		}
	}

	/** Events that the terminal has seen. */
	get seen(): number {
		return this.#next;
	}

	/** When something happens next after the last that was shown; nothing when that was all. */
	next(): number | undefined {
		return this.events[this.#next]?.at;
	}

	/** When something happened last. */
	last(): number {
		return this.events[this.#next - 1]?.at ?? 0;
	}

	/** What was typed lately: passwords too, which the terminal does not show. */
	typed(most: number): string {
		let text = '';
		for (let i = this.#next - 1; i >= 0 && text.length < most; i--) if (this.events[i]?.type === 'i') text = (this.events[i]?.text ?? '') + text;
		// ends of lines as such, and nothing of the protocol around them
		return text.replace(/\r\n?|\n/g, '⏎ ').replaceAll('\u0000', '').slice(-most);
	}
}
