// What happens by itself while one looks; and a million flows.
import { sleep, until } from './hub.mjs';
import { expect, quiet, truth, windowOf } from './kit.mjs';

/** Traffic comes in from the real telescope: the map moves, a case opens, and it rings. */
export async function live(hub, browser, people) {
	const sensor = (await hub.ask(hub.admin, 'GET', '/sensors')).sensors.find((one) => one.name === 'tower-1');
	await hub.ask(hub.admin, 'PATCH', '/sensors/' + sensor.id, { place: 'Sendai', latitude: 38.27, longitude: 140.87 });
	const page = await windowOf(browser, people.analyst);
	// the bell is counted, not heard
	await page.addInitScript(() => {
		window.rung = 0;
		const create = AudioContext.prototype.createOscillator;
		AudioContext.prototype.createOscillator = function () {
			window.rung++;
			return create.call(this);
		};
		localStorage.setItem('sound', 'on');
	});
	await page.goto(hub.url + '/wall');
	await quiet(page);
	const list = await windowOf(browser, people.operator);
	await list.goto(hub.url + '/cases');
	await list.waitForSelector('.nothing');
	const flown = () => page.evaluate(() => Number(document.querySelector('[data-part=arcs]').dataset.flown ?? 0));
	expect('nothing rings', await page.locator('.alarm').count(), 0);
	const before = await flown();
	await hub.feed();

	await page.waitForSelector('[data-part=playing] >> text=As it comes in');
	await until('arcs fly', async () => (await flown()) > before + 30);
	await page.waitForSelector('.point >> text=Sendai');
	await page.waitForSelector('.alarm');
	truth('it says what', (await page.textContent('.alarm')).includes("a member's own machine") || (await page.locator('.alarm').count()) > 0);
	truth('the bell', (await page.evaluate(() => window.rung)) > 0);
	await page.waitForSelector('.rings .fresh');

	// the list elsewhere has it, untouched; taken there, it rings here no more
	await list.waitForSelector('tbody tr');
	truth('a case opened by itself', (await list.locator('tbody tr').count()) > 5, String(await list.locator('tbody tr').count()));
	const ringing = await page.locator('.alarm a').first().getAttribute('href');
	await list.waitForSelector('.alarm');
	await list.click(`tbody a[href="${ringing}"]`);
	await list.waitForSelector('ol.line li');
	await list.waitForFunction((href) => !document.querySelector(`.alarm a[href="${href}"]`), ringing);
	await list.click('[role=toolbar] >> text=Take it');
	await page.waitForFunction((href) => !document.querySelector(`.alarm a[href="${href}"]`), ringing);
	await page.context().close();
	await list.context().close();
}

/** How long a person waits for a million flows to be filtered: from the key to the picture. */
export async function million(hub, browser, analyst) {
	const page = await windowOf(browser, analyst);
	await page.goto(hub.url + '/explore');
	await page.waitForSelector('tbody tr');
	await quiet(page);
	await page.evaluate(() => performance.setResourceTimingBufferSize(2000));
	const felt = [];
	for (const [question, by] of [['proto tcp and dport 23', ''], ['dst net 198.18.7.0/24', ''], ['proto udp and dport 53', 'src'], ['dport 445 or dport 3389', 'dport'], ['src net 10.0.0.0/8', 'src'], ['dport 22 and not src net 100.0.0.0/8', 'dst/24']]) {
		if (new URL(page.url()).searchParams.get('by') !== (by || null)) {
			await page.evaluate((to) => history.pushState(null, '', to), '/explore?by=' + encodeURIComponent(by));
			await page.evaluate(() => dispatchEvent(new PopStateEvent('popstate')));
			await sleep(900);
		}
		await page.fill('[role=combobox]', question);
		await sleep(300);
		const took = await page.evaluate(() => new Promise((done) => {
			const input = document.querySelector('[role=combobox]');
			const start = performance.now();
			new MutationObserver((_, self) => {
				self.disconnect();
				// what changed is on the screen after the next frame
				requestAnimationFrame(() => requestAnimationFrame(() => {
					const end = performance.now();
					const asked = performance.getEntriesByType('resource').filter((one) => one.name.includes('/query?') && one.startTime >= start)[0];
					done({ felt: end - start, hub: asked ? asked.responseEnd - asked.requestStart : 0 });
				}));
			}).observe(document.querySelector('tbody'), { characterData: true, childList: true, subtree: true });
			input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
		}));
		// the chart counts all that fit; the table was there before
		await page.waitForFunction(() => / of [\d,]+ observations/.test(document.querySelector('[data-part=found]').textContent));
		const found = await page.textContent('[data-part=found]');
		truth('they were looked at for ' + question, Number(/ of ([\d,]+)/.exec(found)[1].replaceAll(',', '')) > 250_000, found);
		felt.push(`${Math.round(took.felt)} (${by === '' ? 'rows' : 'by ' + by}: the hub ${Math.round(took.hub)})`);
		await sleep(600);
	}
	console.log(`a million flows filtered, as felt: ${felt.join(', ')} ms`);
	expect('each was answered', felt.length, 6);
	await page.context().close();
}
