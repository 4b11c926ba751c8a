// Short words about what was done, with a way back where there is one.
export interface Toast {
	id: number;
	text: string;
	bad: boolean;
	undo?: () => void;
}

const state = $state<{ list: Toast[] }>({ list: [] });
let next = 1;

export const toasts = {
	get list(): Toast[] {
		return state.list;
	},
};

export function drop(id: number): void {
	state.list = state.list.filter((one) => one.id !== id);
}

export function toast(text: string, options: { bad?: boolean; undo?: () => void } = {}): void {
	const id = next++;
	state.list = [...state.list.slice(-3), { id, text, bad: options.bad ?? false, undo: options.undo }];
	setTimeout(() => drop(id), options.undo ? 15_000 : options.bad ? 12_000 : 6_000);
}
