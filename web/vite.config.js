import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
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
			return 'export default ' + JSON.stringify(JSON.stringify(rings)) + ';';
		},
	};
}

export default defineConfig({
	plugins: [svelte(), land()],
	build: {
		target: 'es2022',
		assetsInlineLimit: 0, // nothing inline: the page's policy forbids it
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
});
