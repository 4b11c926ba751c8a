export type Theme = 'auto' | 'dark' | 'light';

function kept(): Theme {
	const text = localStorage.getItem('theme');
	return text === 'dark' || text === 'light' ? text : 'auto';
}

const state = $state<{ now: Theme }>({ now: kept() });

function show(): void {
	document.documentElement.dataset.theme = state.now;
}
show();

export const theme = {
	get now(): Theme {
		return state.now;
	},
	set(next: Theme): void {
		state.now = next;
		localStorage.setItem('theme', next);
		show();
	},
};
