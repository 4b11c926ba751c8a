// Questions to the store of observations.
import { readFileSync } from 'node:fs';
import { expect, truth, windowOf } from './kit.mjs';

export async function explore(hub, browser, analyst) {
	const page = await windowOf(browser, analyst);
	await page.goto(hub.url + '/explore');
	await page.waitForSelector('tbody tr');
	await page.fill('[role=combobox]', '');
	await page.locator('[role=combobox]').pressSequentially('kind telescope.sc');
	await page.waitForSelector('[role=option] >> text=telescope.scan');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	expect('completed', await page.inputValue('[role=combobox]'), 'kind telescope.scan ');
	await page.keyboard.press('Enter');
	await page.waitForURL(/filter=kind\+telescope\.scan/);
	await page.fill('[role=combobox]', 'proto tcpp and dport 23');
	await page.keyboard.press('Enter');
	await page.waitForSelector('mark');
	expect('the wrong word', await page.textContent('mark'), 'tcpp');
	await page.fill('[role=combobox]', 'proto tcp and dport 23');
	await page.keyboard.press('Enter');
	await page.waitForSelector('mark', { state: 'detached' });
	// the wrong word is marked wherever it stands, and mended by a click where the hub knows what was meant
	for (const [question, wrong] of [['src 300.1.2.3', '300.1.2.3'], ['proto tcp and (dport 23', '␣'], ['dport telnett', 'telnett']]) {
		await page.fill('[role=combobox]', question);
		await page.keyboard.press('Enter');
		await page.waitForFunction((word) => document.querySelector('mark')?.textContent === word, wrong).catch(() => {});
		expect('the mark of "' + question + '"', await page.textContent('mark').catch(() => null), wrong);
	}
	await page.click('text=Take “telnet”');
	await page.waitForURL(/filter=dport\+telnet(&|$)/);
	expect('mended', await page.inputValue('[role=combobox]'), 'dport telnet');

	// regrouped by clicks: a heading, chips, and a value that narrows and goes on
	await page.goto(hub.url + '/explore?filter=kind+telescope.flow');
	await page.locator('th .head >> text=Port').last().click();
	await page.waitForURL(/by=dport/);
	await page.click('[data-field=proto]');
	await page.waitForURL(/by=dport%2Cproto/);
	await page.click('[data-field=proto]');
	await page.waitForFunction(() => document.querySelector('tbody td a')?.textContent === '23');
	await page.click('tbody td a >> text="23"');
	await page.waitForURL((url) => url.searchParams.get('filter') === 'kind telescope.flow and dport 23' && url.searchParams.get('by') === 'src');
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 5);
	await page.selectOption('label:has-text("Most") select', 'bytes');
	await page.waitForURL(/sum=bytes/);
	await page.waitForFunction(() => document.querySelector('th[aria-sort]')?.textContent.includes('Bytes'));
	await page.click('th .head >> text=Observations');
	await page.waitForURL(/sum=rows/);
	expect('sorted by what was clicked', await page.getAttribute('th[aria-sort]', 'aria-sort'), 'descending');

	// a part of the time, dragged over: the link says it, and what is asked is of that time alone
	const box = await page.locator('.series .u-over').boundingBox();
	const all = await page.textContent('[data-part=found]');
	await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 4 });
	await page.mouse.up();
	await page.waitForURL(/until=/);
	const span = new URL(page.url()).searchParams;
	truth('the part is shorter', Date.parse(span.get('until')) - Date.parse(span.get('since')) > 1000 && Date.parse(span.get('until')) < Date.now(), page.url());
	await page.waitForFunction((before) => document.querySelector('[data-part=found]')?.textContent !== before, all);
	await page.click('[aria-label="look wider"]');
	await page.waitForURL((url) => Date.parse(url.searchParams.get('since')) < Date.parse(span.get('since')));
	await page.click('text=Whole time');
	await page.waitForFunction((before) => document.querySelector('[data-part=found]')?.textContent === before, all);

	// all that fits is taken from the hub, more than is shown
	await page.goto(hub.url + '/explore?filter=kind+telescope.flow');
	await page.waitForSelector('tbody tr');
	await page.click('text=Download …');
	await page.selectOption('dialog select', 'ndjson');
	const [taken] = await Promise.all([page.waitForEvent('download'), page.click('text=Take them')]);
	const lines = readFileSync(await taken.path(), 'utf-8').trim().split('\n');
	truth('all of them', lines.length > 20_000 && JSON.parse(lines[0]).kind === 'telescope.flow', String(lines.length));
	expect('it is an act', (await hub.ask(hub.admin, 'GET', '/ledger/acts?limit=20')).acts.some((one) => /export/.test(one.kind)), true);
	await page.waitForSelector('dialog', { state: 'detached' });
	await page.click('text=Download …');
	const [shown] = await Promise.all([page.waitForEvent('download'), page.click('dialog button >> text="CSV"')]);
	expect('what is shown', readFileSync(await shown.path(), 'utf-8').trim().split('\r\n').length, 201);

	// the map: what the hub knows of places
	await page.route(/places=1/, async (route) => {
		const answer = await (await route.fetch()).json();
		answer.groups.forEach((one, i) => (one.places = { src: { country: ['JP', 'BR', 'US', null][i % 4], as: 64500, as_name: 'EXAMPLE' } }));
		await route.fulfill({ json: answer });
	});
	await page.click('text="Map"');
	await page.waitForSelector('circle');
	expect('a circle a country', [await page.locator('circle').count(), await page.locator('.list tbody tr').count()], [3, 4]);

	// a question is kept with the account
	await page.goto(hub.url + '/explore?filter=dport+23&by=src');
	await page.click('text=Save this view');
	await page.fill('nav.views input', 'telnet by source');
	await page.click('nav.views button.main');
	await page.waitForSelector('nav.views >> text=telnet by source');
	await page.goto(hub.url + '/explore');
	await page.click('nav.views >> text=telnet by source');
	await page.waitForURL(/by=src/);
	await page.context().close();
}
