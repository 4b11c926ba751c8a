// The words of questions, as the hub has them; asked once.
import { ask } from './api';

export interface Field {
	name: string;
	title: string;
	title_ja: string;
	number: boolean;
	address: boolean;
}
export interface FilterWord {
	word: string;
	takes: string;
	example: string;
	help: string;
	help_ja: string;
}

const state = $state<{ fields: Field[]; filter: FilterWord[] }>({ fields: [], filter: [] });
let asked = false;

export const queryWords = {
	get fields(): Field[] {
		return state.fields;
	},
	get filter(): FilterWord[] {
		return state.filter;
	},
};

export function readQueryWords(): void {
	if (asked) return;
	asked = true;
	ask<{ fields: Field[]; filter: FilterWord[] }>('/query/words').then((answer) => {
		state.fields = answer.fields;
		state.filter = answer.filter;
	}, () => (asked = false));
}
