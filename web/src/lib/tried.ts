// Acts that may be refused: then the hub's words are said.
import { wordsOf } from './cases';
import { toast } from './toast.svelte';

/** Do it; false when it was refused. */
export async function tried(what: () => Promise<unknown>): Promise<boolean> {
	try {
		await what();
		return true;
	} catch (error) {
		toast(wordsOf(error), { bad: true });
		return false;
	}
}

/** For forms: instead of being sent, `what` is tried. */
export function submit(what: () => Promise<unknown>): (event: SubmitEvent) => void {
	return (event) => {
		event.preventDefault();
		void tried(what);
	};
}

export async function copyText(text: string, said: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(text);
		toast(said);
	} catch {
		toast(text); // without a secure context there is no clipboard
	}
}
