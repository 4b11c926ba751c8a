// A bell of a few partials, made here: no file, no noise of its own when it is not asked for.
let context: AudioContext | null = null;

export function ring(): void {
	try {
		context ??= new AudioContext();
		const now = context.currentTime;
		for (const [pitch, loud, seconds] of [[660, 0.16, 1.6], [1320, 0.07, 1.1], [1863, 0.04, 0.7]] as const) {
			const tone = context.createOscillator();
			const gain = context.createGain();
			tone.frequency.value = pitch;
			gain.gain.setValueAtTime(loud, now);
			gain.gain.exponentialRampToValueAtTime(0.0001, now + seconds);
			tone.connect(gain).connect(context.destination);
			tone.start(now);
			tone.stop(now + seconds);
		}
	} catch {
		// a browser without sound, or one that wants to be touched first
	}
}
