// Cases: the list, one case, who is told.
import { until } from './hub.mjs';
import { expect, hostile, quiet, truth, windowOf } from './kit.mjs';

export async function cases(hub, browser, analyst) {
	const page = await windowOf(browser, analyst);
	await page.goto(hub.url + '/cases');
	await page.waitForSelector('tbody tr');
	const all = await page.locator('tbody tr').count();
	truth('there are cases', all > 5, String(all));
	await page.fill('input[type=search]', 'infected');
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
	truth('the filter stands in the address', page.url().includes('text=infected'), page.url());
	await page.click('text=Save this view');
	await page.fill('nav.views input', 'infected ones');
	await page.click('nav.views button.main');
	await page.reload();
	await page.waitForSelector('nav.views >> text=infected ones');
	await page.click('nav.views >> text=Not over');
	await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, all);

	// by keyboard: down, mark two, note them, close one and take that back
	await page.keyboard.press('j');
	await page.keyboard.press('j');
	await page.keyboard.press('x');
	await page.keyboard.press('j');
	await page.keyboard.press('x');
	await page.waitForSelector('.bulk >> text=2 marked');
	await page.keyboard.press('n');
	await page.fill('dialog[open] textarea', 'both seen at the laboratory ' + hostile);
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.toast >> text=Noted');
	await page.keyboard.press('k');
	await page.keyboard.press('k');
	await page.keyboard.press('k');
	const first = await page.locator('tbody tr').first().locator('a.title').getAttribute('href');
	await page.keyboard.press('c');
	await page.fill('dialog[open] textarea', 'a slip');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.toast >> text=Closed');
	await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n - 1, all);
	await page.click('.toast:has-text("Closed") >> text=Undo');
	await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, all);
	await page.keyboard.press('?');
	await page.waitForSelector('dialog[open] kbd');
	await page.keyboard.press('Escape');
	await page.waitForSelector('dialog[open]', { state: 'detached' });

	// Enter opens the row
	await page.keyboard.press('k');
	await page.locator(`a.title[href="${first}"]`).focus();
	await page.keyboard.press('Enter');
	await page.waitForURL(hub.url + first);
	await page.waitForSelector('ol.line li');
	const id = first.split('/')[2];
	truth('both the closing and the way back are history', (await page.locator('ol.line li.history').count()) >= 3);
	await page.keyboard.press('t');
	await page.waitForSelector('.toast >> text=Assigned');
	await page.waitForFunction(() => document.querySelector('dl.facts')?.textContent.includes('ann2'));
	await page.click('text=Rename');
	await page.fill('dialog[open] textarea', hostile);
	await page.click('dialog[open] button.main');
	await page.waitForFunction(() => document.querySelector('h1')?.textContent.includes('⟨U+202E⟩'));
	expect('a hostile title is text', await page.evaluate(() => [window.hacked, document.querySelectorAll('main script, main img[src=x]').length]), [undefined, 0]);
	await page.click('main >> text=Suppress');
	await page.selectOption('dialog[open] select', '24');
	await page.fill('dialog[open] textarea', 'a test of the owner');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.chip >> text=suppressed');
	await page.click('.toast:has-text("Suppressed") >> text=Undo');
	await page.waitForSelector('.chip >> text=open');
	await page.context().close();

	// somebody else acts: an open list hears of it by itself
	const other = await windowOf(browser, analyst);
	await other.goto(hub.url + '/cases');
	await other.waitForSelector('tbody tr');
	await hub.ask(hub.admin, 'POST', `/cases/${id}/actions`, { action: 'close', text: 'done' });
	await other.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n - 1, all);
	await hub.ask(hub.admin, 'POST', `/cases/${id}/actions`, { action: 'reopen', text: 'again' });
	await other.context().close();
}

/** Two cases become one, and what was joined comes apart again; both are history. */
export async function mergeAndSplit(hub, browser, analyst) {
	const { cases: open } = await hub.ask(hub.admin, 'GET', '/cases?limit=50');
	const owner = open.map((one) => one.organisation).find((id) => open.filter((one) => one.organisation === id && one.kind !== 'infected-member').length > 1);
	const [from, into] = open.filter((one) => one.organisation === owner && one.kind !== 'infected-member');
	const page = await windowOf(browser, analyst);
	await page.goto(hub.url + '/cases/' + from.id);
	await page.click('[role=toolbar] >> text=Merge');
	await page.fill('dialog[open] input', String(into.id));
	await page.fill('dialog[open] textarea', 'one and the same');
	await page.click('dialog[open] button.main');
	await page.waitForURL(hub.url + '/cases/' + into.id);
	await page.waitForFunction((n) => document.querySelectorAll('section[aria-labelledby=evidence] article').length === n, into.findings + from.findings);
	expect('the other says where it went', (await hub.ask(hub.admin, 'GET', '/cases/' + from.id)).case.merged_into, into.id);

	await page.click('[role=toolbar] >> text=Split');
	truth('what can be split off is listed', (await page.locator('dialog[open] input[type=checkbox]').count()) === into.findings + from.findings);
	expect('nothing chosen, nothing split', await page.isDisabled('dialog[open] button.main'), true);
	await page.locator('dialog[open] input[type=checkbox]').first().check();
	await page.fill('dialog[open] textarea', 'not the same after all');
	await page.click('dialog[open] button.main');
	await page.waitForFunction((id) => /^\/cases\/\d+$/.test(location.pathname) && location.pathname !== '/cases/' + id, into.id);
	await page.waitForSelector('section[aria-labelledby=evidence] article');
	const split = Number(page.url().split('/').at(-1));
	const apart = await hub.ask(hub.admin, 'GET', '/cases/' + split);
	expect('a case of its own', [apart.findings.length, apart.case.state], [1, 'open']);
	truth('the history tells', (await hub.ask(hub.admin, 'GET', `/cases/${into.id}/history`)).history.map((one) => one.action).join().includes('split'));

	// several at once, from the list; given to somebody by name
	await page.goto(hub.url + '/cases');
	await page.waitForSelector('tbody tr');
	await page.locator('tbody input[type=checkbox]').nth(0).check();
	await page.locator('tbody input[type=checkbox]').nth(1).check();
	await page.waitForFunction(() => [...document.querySelectorAll('.bulk option')].some((one) => one.textContent === 'olga'));
	expect('who only looks is not offered', await page.locator('.bulk option >> text="ines"').count(), 0);
	await page.selectOption('.bulk select', { label: 'olga' });
	await page.waitForSelector('.toast >> text=Assigned');
	await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].filter((one) => one.textContent.includes('olga')).length >= 2);
	await page.click('.toast:has-text("Assigned") >> text=Undo');
	await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].every((one) => !one.textContent.includes('olga')));
	await page.context().close();
}

/** A case of which nobody was told: read in both languages, sent by one click, and it arrives. */
export async function notices(hub, browser, people) {
	const { cases: all } = await hub.ask(hub.admin, 'GET', '/cases?kind=infected-member&state=all');
	const one = all[0];
	const reader = await windowOf(browser, people.analyst);
	await reader.goto(hub.url + '/cases/' + one.id);
	await reader.click('text=Tell the owner');
	await reader.waitForSelector('dialog[open] .letter');
	expect('who may not send reads it', [await reader.locator('dialog[open] .letter').count(), await reader.locator('dialog[open] button.main').count()], [2, 0]);
	await reader.context().close();

	const page = await windowOf(browser, people.operator);
	await page.goto(hub.url + '/cases/' + one.id);
	await page.waitForSelector('ol.line li');
	await page.keyboard.press('o');
	await page.waitForSelector('dialog[open] .letter');
	const letters = await page.locator('dialog[open] .letter').allTextContents();
	truth('in the language of its owner, which is first, and in the other', letters[0].includes('対処の手順') && /[A-Za-z]{4} [a-z]+ [a-z]+/.test(letters[1]) && !letters[1].includes('対処'), letters.map((text) => text.slice(0, 80)).join(' | '));
	expect('which of them goes', await page.locator('dialog[open] .chip').allTextContents(), ['goes out so']);
	expect('nothing is made by looking', (await hub.ask(hub.admin, 'GET', '/notices?case=' + one.id)).notices.length, 0);
	await page.click('dialog[open] >> text=Send it now');
	await page.waitForSelector('.toast >> text=Released');
	const letter = await until('the letter', () => hub.mail.letters.find((text) => text.includes('abuse@town.example')));
	truth('it is signed with its code', /^Subject: /m.test(letter), letter.slice(0, 300));
	await page.waitForSelector('article.told .chip >> text=sent');
	await page.click('article.told >> text=Preview');
	await page.waitForSelector('dialog[open] .letter');
	await page.click('dialog[open] summary');
	await page.waitForFunction(() => document.querySelector('dialog[open] details pre')?.textContent.includes('Subject:'));
	expect('what went cannot be sent again', await page.locator('dialog[open] >> text=Send it').count(), 0);
	await page.keyboard.press('Escape');
	truth('it stands in the line of time', (await page.locator('ol.line li.notice').count()) > 0);

	// one that is only made waits, and can be withdrawn
	const others = (await hub.ask(hub.admin, 'GET', '/cases?limit=50')).cases.filter((other) => other.organisation && other.id !== one.id);
	let made = null;
	for (const other of others) {
		await page.goto(hub.url + '/cases/' + other.id);
		await page.waitForSelector('ol.line li');
		if ((await page.locator('text=Tell the owner').count()) === 0) continue;
		await page.click('text=Tell the owner');
		await page.waitForSelector('dialog[open] .letter, dialog[open] .say.bad');
		if ((await page.locator('dialog[open] .letter').count()) > 0) {
			made = other;
			break;
		}
		await page.keyboard.press('Escape');
	}
	truth('another case that an owner can be told of', made !== null);
	if (made) {
		await page.click('dialog[open] >> text=Make it, release later');
		await page.waitForSelector('article.told');
		await page.locator('article.told >> text=Preview').first().click();
		await page.click('dialog[open] >> text=Withdraw …');
		await page.fill('dialog[open] form input', 'they know already');
		await page.click('dialog[open] form button.main');
		await page.waitForSelector('.toast >> text=Withdrawn');
		const { notices: now } = await hub.ask(hub.admin, 'GET', '/notices?case=' + made.id);
		expect('it is withdrawn', now[0].state, 'withdrawn');
	}
	await page.context().close();
}
