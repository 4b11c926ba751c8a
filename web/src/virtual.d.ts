declare module 'virtual:land' {
	/** Rings of land: differences of longitude and latitude in tenths of a degree, x and y in turn. */
	const rings: number[][];
	export default rings;
}

declare module 'virtual:registry' {
	type Table = Record<string, [number, string, string]>;
	const registry: Record<'acts' | 'findings' | 'kinds' | 'services' | 'tags' | 'techniques' | 'tools', Table>;
	export default registry;
}
