import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { feature } from 'topojson-client';
import { defineConfig } from 'vite';

// The coast lines and the middles of countries, out of world-atlas, as small whole numbers: tenths
// of a degree, each a difference to the one before. They are projected once, in the browser.
function land() {
	const name = 'virtual:land';
	return {
		name: 'land',
		resolveId: (id) => (id === name ? '\0' + name : undefined),
		load(id) {
			if (id !== '\0' + name) return undefined;
			const require = createRequire(import.meta.url);
			const read = (file) => JSON.parse(readFileSync(require.resolve('world-atlas/' + file), 'utf-8'));
			const atlas = read('land-110m.json');
			const rings = [];
			for (const part of feature(atlas, atlas.objects.land).features)
				for (const polygon of part.geometry.coordinates)
					for (const ring of part.geometry.type === 'Polygon' ? [polygon] : polygon) {
						const flat = [];
						let x = 0;
						let y = 0;
						for (const [lon, lat] of ring) {
							const nx = Math.round(lon * 10);
							const ny = Math.round(lat * 10);
							if (nx === x && ny === y && flat.length > 0) continue;
							flat.push(nx - x, ny - y);
							x = nx;
							y = ny;
						}
						if (flat.length > 6) rings.push(flat);
					}
			return 'export default JSON.parse(' + JSON.stringify(JSON.stringify(rings)) + ');';
		},
	};
}

// Words of schema/registry by name: { tools: { zmap: [1, 'ZMap ...', 'ZMap ...'] }, ... }.
function registry() {
	const name = 'virtual:registry';
	const wanted = ['acts', 'findings', 'kinds', 'services', 'tags', 'techniques', 'tools'];
	return {
		name: 'registry',
		resolveId: (id) => (id === name ? '\0' + name : undefined),
		load(id) {
			if (id !== '\0' + name) return undefined;
			const out = {};
			for (const file of wanted) {
				const path = fileURLToPath(new URL('../schema/registry/' + file, import.meta.url));
				this.addWatchFile(path);
				out[file] = {};
				for (const line of readFileSync(path, 'utf-8').split('\n')) {
					const fields = line.split('\t');
					if (line.startsWith('#') || line.startsWith('-') || fields.length < 4) continue;
					out[file][fields[1]] = [Number(fields[0]), fields.at(-2), fields.at(-1)];
				}
			}
			return 'export default JSON.parse(' + JSON.stringify(JSON.stringify(out)) + ');';
		},
	};
}

export default defineConfig({
	plugins: [svelte(), land(), registry()],
	worker: { format: 'es' },
	build: {
		target: 'es2022',
		assetsInlineLimit: 0, // nothing inline: the page's policy forbids it
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
});
