/** What a custom property of the theme comes to, for what is drawn on a canvas. */
export function colorOf(name: string): string {
	const probe = document.createElement('span');
	probe.className = 'hide';
	probe.style.color = `var(${name})`;
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}
