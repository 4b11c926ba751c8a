// The page itself: its files, its texts, its speed, and what strangers write.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from './hub.mjs';
import { expect, hostile, need, quiet, root, truth, windowOf } from './kit.mjs';

/** The hub gives the files as a browser wants them. */
export async function files(hub) {
	const get = (path, headers = {}, method = 'GET') => fetch(hub.url + path, { method, headers, redirect: 'manual' });
	const first = await get('/cases?text=%3Cscript%3E&whatever=1');
	const text = await first.text();
	expect('any view is the first page', [first.status, text.includes('id="app"'), first.headers.get('cache-control')], [200, true, 'no-cache']);
	expect('known already', (await get('/cases', { 'If-None-Match': first.headers.get('etag') })).status, 304);
	const asset = /src="(\/assets\/[^"]+)"/.exec(text)[1];
	const packed = await get(asset, { 'Accept-Encoding': 'gzip' });
	const whole = await packed.text();
	expect('a hashed file', [packed.headers.get('cache-control'), packed.headers.get('content-encoding'), packed.headers.get('vary')], ['public, max-age=31536000, immutable', 'gzip', 'Accept-Encoding']);
	for (const [accept, encoding] of [['identity', null], ['gzip;q=0', null], ['br, gzip;q=0.5', 'gzip'], ['*', 'gzip'], ['gzip;q=0.0, *', null], ['', null]]) {
		const other = await get(asset, { 'Accept-Encoding': accept });
		expect('accepting "' + accept + '"', [other.headers.get('content-encoding'), (await other.text()) === whole], [encoding, true]);
	}
	const head = await get(asset, {}, 'HEAD');
	expect('HEAD', [head.status, (await head.text()).length], [200, 0]);
	for (const path of ['/assets/none.js', '/assets/..%2f..%2fetc%2fpasswd', '/nowhere', '/index.html']) expect(path, (await get(path)).status, 404);
	expect('not to be written', (await get('/cases', {}, 'POST')).status, 405);
	expect('nothing inline, nothing from elsewhere', /<script>|<style|\sstyle=|\son\w+=|https?:/.test(text), false);
	expect('the plain page is there', (await get('/plain')).status, 200);
}

/** Every text is there in both languages, and is not the same text twice. */
export async function texts() {
	const { outputFiles } = need('esbuild').buildSync({ entryPoints: [join(root, 'web/src/lib/words.ts')], bundle: true, format: 'esm', write: false });
	const { words } = await import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));
	const same = new Set(['owners.tlp']);
	truth('there are texts', Object.keys(words).length > 300);
	for (const [name, both] of Object.entries(words)) {
		truth('the text ' + name, both.length === 2 && both.every((one) => one.trim() !== '') && (both[0] !== both[1] || same.has(name)));
		truth('the Japanese of ' + name, name === 'language' || same.has(name) || /[\u3040-\u30ff\u4e00-\u9fff]/.test(both[1]), both[1]);
		truth('the places of ' + name, (both[0].match(/\{\w+\}/g) ?? []).sort().join() === (both[1].match(/\{\w+\}/g) ?? []).sort().join(), both.join(' | '));
	}
}

/** What the page takes for granted of the API is what the API promises. */
export async function types() {
	const ts = need('typescript');
	const api = JSON.parse(readFileSync(join(root, 'schema/openapi.json'), 'utf-8'));
	const source = ts.createSourceFile('types.ts', readFileSync(join(root, 'web/src/lib/types.ts'), 'utf-8'), ts.ScriptTarget.ES2022, true);
	const kinds = { number: ['integer', 'number'], string: ['string'], boolean: ['boolean'], null: ['null'] };
	const resolve = (schema) => (schema.$ref ? resolve(api.components.schemas[schema.$ref.split('/').at(-1)]) : schema);
	const kindsOf = (schema) => {
		const whole = resolve(schema);
		if (whole.oneOf) return whole.oneOf.flatMap(kindsOf);
		if (whole.enum && !whole.type) return ['string'];
		return [whole.type ?? 'object'].flat();
	};
	let checked = 0;
	for (const node of source.statements) {
		if (!ts.isInterfaceDeclaration(node)) continue;
		const schema = api.components.schemas[node.name.text];
		if (!schema?.properties) continue;
		for (const member of node.members) {
			const name = member.name.text;
			const property = schema.properties[name];
			const what = `types.ts: ${node.name.text}.${name}`;
			if (!property) {
				truth(what + ' is not in openapi.json', schema.additionalProperties !== false);
				continue;
			}
			checked++;
			const needed = schema.required?.includes(name) ?? false;
			truth(what + (needed ? ' is always there' : ' may be missing'), needed === !member.questionToken || (needed && Boolean(member.questionToken)));
			const said = (ts.isUnionTypeNode(member.type) ? member.type.types : [member.type]).map((one) => one.getText());
			const promised = kindsOf(property);
			truth(what + ' may be null', !promised.includes('null') || said.includes('null'), promised.join());
			for (const one of said) if (kinds[one]) truth(`${what} is ${one}`, kinds[one].some((kind) => promised.includes(kind)), promised.join());
		}
	}
	truth('types are compared', checked > 150, String(checked));
}

export async function hostileAnswers(hub, browser, analyst) {
	const page = await windowOf(browser, analyst);
	const long = hostile + 'x'.repeat(10_000) + '\u0000\u200b終';
	const texts = /^(title|title_ja|trouble|subject|handle|device|assignee_name|account_name|name_ja|text|text_ja|label|address|to|owner|version|reason|sentence|sentence_ja|signers|requester|place|source|note|value|help|help_ja|display|hub)$|^name$/;
	const spoil = (value, key) => (typeof value === 'string' && texts.test(key) ? long : Array.isArray(value) ? value.map((one) => spoil(one, key)) : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, spoil(v, k)])) : value);
	await page.route(/\/api\/v1\/(cases|organisations|addresses|notices|status|sensors|authorities|accounts|settings|rules|silence|directory|ledger|me\/(tokens|views)|reports)/, async (route) => {
		const answer = await route.fetch().catch(() => null);
		if (!answer) return; // the page went on
		const json = await answer.json();
		if (json.notices?.by_owner) json.notices.by_owner = [{ name: 'one', told: 1, fixed: 0, reappeared: 0, open: 1, waiting: 0, no_owner: 0, bounced: 0, failed: 0, median_fix_s: 0, p90_fix_s: 0 }];
		await route.fulfill({ response: answer, json: spoil(json, '') }).catch(() => {});
	});
	const authority = { digest: 'a'.repeat(64), number: '1', kind: 'k', text: 't', text_ja: '文', state: 'in-force', signers: 's', signed_by: [long, long], requester: 'r', from: null, until: null, prefixes: [long, long], ports: [long], rate: 1, uses: 1, used: 0, added: null, made: null, revoked: null, id: 1, note: 'n' };
	await page.route(/\/api\/v1\/authorities(\?|\/a)/, (route) => route.fulfill({ json: spoil(/\/a{64}/.test(route.request().url()) ? authority : { authorities: [authority, { ...authority, digest: 'b'.repeat(64) }] }, '') }));
	await hub.ask(hub.admin, 'POST', '/me/tokens', { label: 'one', scopes: 'read' });
	await hub.ask(hub.admin, 'PUT', '/me/views', { page: 'explore', name: 'one', query: 'by=src' });
	for (const path of ['/cases', '/cases/1', '/owners', '/owners/1', '/addresses/192.52.193.77', '/sensors', '/now', '/authorities', '/authorities/' + 'a'.repeat(64), '/silence?net=192.0.2.0%2F24&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z', '/settings', '/accounts', '/rules', '/ledger', '/me', '/explore', '/reports']) {
		await page.goto(hub.url + path);
		await quiet(page);
		await page.waitForFunction(() => document.body.innerText.includes('<script>window.hacked=1</script>'), null, { timeout: 10_000 }).catch(() => {});
		const found = await page.evaluate(() => ({ hacked: window.hacked, inside: document.querySelectorAll('main script, main img[src=x]').length, wide: document.documentElement.scrollWidth > innerWidth + 1, bidi: /[\u202a-\u202e\u2066-\u2069]/.test(document.body.innerText), shown: document.body.innerText.includes('<script>window.hacked=1</script>') }));
		expect('hostile names at ' + path, found, { inside: 0, wide: false, bidi: false, shown: true });
	}
	await page.context().close();
}

/**
 * 500 arcs a second, on a processor that is slowed down four times: how many frames? Once as people
 * get it, drawn by a worker, which the slowing does not reach; and once drawn by the page itself.
 */
export async function speed(hub, browser, analyst) {
	for (const alone of [false, true]) {
		const page = await windowOf(browser, analyst, { viewport: { width: 1366, height: 768 } });
		if (alone) await page.addInitScript(() => delete HTMLCanvasElement.prototype.transferControlToOffscreen);
		const rows = Array.from({ length: 400 }, (_, i) => ({ by: { src: `198.51.${i % 100}.${i % 250}`, dport: [23, 22, 443, 445, 3389, 53][i % 6], sensor: '' }, rows: 1, packets: 1000 }));
		await page.route(/by=src%2Cdport%2Csensor/, async (route) => route.fulfill({ json: { groups: rows, since: null, until: null, watched: {}, effort: {} } }));
		await page.goto(hub.url + '/wall');
		await page.waitForSelector('.legend >> text=packets');
		const session = await page.context().newCDPSession(page);
		await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
		await session.send('Performance.enable');
		await sleep(1500);
		const metric = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map((one) => [one.name, one.value]));
		const before = await metric();
		const found = await page.evaluate(() => new Promise((done) => {
			let frames = 0;
			const drawn = document.querySelector('[data-part=arcs]');
			// from one report of the drawer to another: it tells every few frames
			const told = () => new Promise((next) => new MutationObserver((_, self) => {
				self.disconnect();
				next({ at: performance.now(), flown: Number(drawn.dataset.flown), frames: Number(drawn.dataset.frames) });
			}).observe(drawn, { attributes: true, attributeFilter: ['data-frames'] }));
			void told().then((first) => {
				const step = () => {
					frames++;
					if (performance.now() - first.at < 2500) {
						requestAnimationFrame(step);
						return;
					}
					const own = frames / ((performance.now() - first.at) / 1000);
					void told().then((last) => {
						const seconds = (last.at - first.at) / 1000;
						done({ page: own, frames, rate: (last.frames - first.frames) / seconds, arcs: (last.flown - first.flown) / seconds });
					});
				};
				requestAnimationFrame(step);
			});
		}));
		const after = await metric();
		const script = ((after.TaskDuration - before.TaskDuration) / found.frames) * 1000;
		console.log(`map at a quarter of the processor, drawn by ${alone ? 'the page' : 'a worker'}: ${found.rate.toFixed(1)} frames/s with ${found.arcs.toFixed(0)} arcs/s; the page itself ${found.page.toFixed(1)} frames/s, ${script.toFixed(1)} ms of its thread a frame`);
		truth('arcs fly', found.arcs > 350, String(found.arcs));
		// others work on this machine, too: only what is far off fails
		truth('frames are drawn', found.rate > 5 && script < 150, script.toFixed(1) + ' ms a frame');
		await page.context().close();
	}
}
