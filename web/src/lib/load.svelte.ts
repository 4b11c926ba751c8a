// A question to the hub, its answer or its failure; the newest counts.
export class Load<T> {
	value = $state<T>();
	error = $state<unknown>();
	busy = $state(false);
	#ask: (signal: AbortSignal) => Promise<T>;
	#now: AbortController | null = null;

	constructor(ask: (signal: AbortSignal) => Promise<T>) {
		this.#ask = ask;
	}

	async again(): Promise<void> {
		this.#now?.abort();
		const mine = new AbortController();
		this.#now = mine;
		this.busy = true;
		try {
			const value = await this.#ask(mine.signal);
			if (this.#now !== mine) return;
			this.value = value;
			this.error = undefined;
		} catch (error) {
			if (this.#now !== mine || mine.signal.aborted) return;
			this.error = error;
		}
		this.busy = false;
	}

	/** Forget what is shown: the next answer is about something else. */
	async anew(): Promise<void> {
		this.value = undefined;
		this.error = undefined;
		await this.again();
	}

	end(): void {
		this.#now?.abort();
		this.#now = null;
	}
}
