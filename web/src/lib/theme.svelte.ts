export type Theme = 'auto' | 'dark' | 'light';

function kept(): Theme {
	const text = localStorage.getItem('theme');
	return text === 'dark' || text === 'light' ? text : 'auto';
}

const scheme = matchMedia('(prefers-color-scheme: dark)');
const state = $state<{ now: Theme; dark: boolean }>({ now: kept(), dark: scheme.matches });
scheme.addEventListener('change', () => (state.dark = scheme.matches));

function show(): void {
	document.documentElement.dataset.theme = state.now;
}
show();

export const theme = {
	get now(): Theme {
		return state.now;
	},
	/** What is seen in the end; for what is drawn on a canvas. */
	get isDark(): boolean {
		return state.now === 'auto' ? state.dark : state.now === 'dark';
	},
	set(next: Theme): void {
		state.now = next;
		localStorage.setItem('theme', next);
		show();
	},
};
