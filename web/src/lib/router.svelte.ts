// The address bar is the state of the page: a link shows others what one sees.

interface Place {
	path: string;
	query: Record<string, string>;
}

function read(): Place {
	return { path: location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

const state = $state<{ place: Place }>({ place: read() });

export const place = {
	get path(): string {
		return state.place.path;
	},
	get query(): Record<string, string> {
		return state.place.query;
	},
};

/** Paths that the server answers itself. */
const others = /^\/(api|assets|plain|seen|verify|sign-in|link)(\/|$)/;

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
	const same = new URL(to, location.href).pathname === location.pathname;
	history[how === 'push' ? 'pushState' : 'replaceState'](null, '', to);
	state.place = read();
	if (!same) {
		scrollTo(0, 0);
		// a reader of the screen hears where it is
		requestAnimationFrame(() => document.getElementById('main')?.focus({ preventScroll: true }));
	}
}

/** Change values of the query and stay; an empty one goes. */
export function setQuery(values: Record<string, string>): void {
	const query = new URLSearchParams(location.search);
	for (const [name, value] of Object.entries(values)) {
		if (value === '') query.delete(name);
		else query.set(name, value);
	}
	const text = query.toString();
	go(location.pathname + (text === '' ? '' : '?' + text), 'replace');
}

addEventListener('popstate', () => {
	state.place = read();
});

/** Links to views of the page do not load it anew. */
addEventListener('click', (event) => {
	if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = (event.target as Element | null)?.closest?.('a');
	if (!link || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
	if (others.test(link.pathname) || (link.hash !== '' && link.pathname === location.pathname)) return;
	event.preventDefault();
	go(link.pathname + link.search);
});
