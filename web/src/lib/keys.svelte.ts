// Single keys, for those who want them (WCAG 2.1.4: they can be switched off).
const state = $state({ on: localStorage.getItem('keys') !== 'off' });

export const keys = {
	get on(): boolean {
		return state.on;
	},
	set(on: boolean): void {
		state.on = on;
		localStorage.setItem('keys', on ? 'on' : 'off');
	},
};

type Acts = Record<string, (event: KeyboardEvent) => void>;

const stack: Acts[] = [];
let prefix = '';
let prefixed = 0;

/** These keys act until the answer is called; the latest come first. "g n" is g, then n. */
export function onKeys(acts: Acts): () => void {
	stack.push(acts);
	return () => {
		const at = stack.indexOf(acts);
		if (at >= 0) stack.splice(at, 1);
	};
}

function typing(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) && (target as HTMLInputElement).type !== 'checkbox';
}

addEventListener('keydown', (event) => {
	if (!state.on || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
	if (typing(event.target) || document.querySelector('dialog[open]')) return;
	if (event.key === 'Enter' && (event.target as HTMLElement | null)?.closest?.('a, button, summary')) return;
	const whole = prefix !== '' && event.timeStamp - prefixed < 1500 ? prefix + ' ' + event.key : event.key;
	prefix = '';
	for (let i = stack.length - 1; i >= 0; i--) {
		const act = stack[i]?.[whole];
		if (!act) continue;
		event.preventDefault();
		act(event);
		return;
	}
	if (event.key === 'g') {
		prefix = 'g';
		prefixed = event.timeStamp;
	}
});
