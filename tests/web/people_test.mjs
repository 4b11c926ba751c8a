// Who is here: signing in, second factors, roles, languages.
import { password, totp } from './hub.mjs';
import { expect, quiet, truth, windowOf } from './kit.mjs';

const firstPageMost = 300_000; // bytes over the wire, compressed

export async function signIn(hub, browser) {
	const page = await windowOf(browser, null);
	const bytes = [];
	page.on('response', async (answer) => {
		if (!answer.url().includes('/api/')) bytes.push(answer.request().sizes().then((sizes) => sizes.responseBodySize + sizes.responseHeadersSize, () => 0));
	});
	const answer = await page.goto(hub.url + '/');
	const policy = answer.headers()['content-security-policy'];
	truth('the policy', policy.includes("script-src 'self'") && policy.includes("default-src 'none'") && !/unsafe|\*|http/.test(policy), policy);
	await page.waitForSelector('[name=name]');
	const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1);
	const front = (await Promise.all(bytes)).reduce((a, b) => a + b, 0);

	await page.fill('[name=name]', 'ann');
	await page.fill('[name=password]', 'not the right one');
	await page.click('main button');
	await page.waitForSelector('[role=alert]');
	expect('a wrong password is said', (await page.textContent('[role=alert]')).startsWith('Name, password or code'), true);
	await page.fill('[name=password]', password);
	await page.click('main button');
	await page.waitForURL(hub.url + '/now');
	await quiet(page);
	const whole = (await Promise.all(bytes)).reduce((a, b) => a + b, 0);
	console.log(`first page ${front} bytes, with the live map ${whole}; first paint ${Math.round(paint)} ms`);
	truth('the first page is small', front < firstPageMost && whole < firstPageMost, String(whole));

	// a second factor, then in again with it
	await page.goto(hub.url + '/me');
	await page.click('text=Set it up');
	const secret = await page.textContent('code.key');
	await page.fill('section:has(code.key) input[autocomplete=one-time-code]', totp(secret));
	await page.fill('section:has(code.key) input[type=password]', password);
	await page.click('section:has(code.key) button.main');
	await page.waitForSelector('.codes');
	expect('recovery codes', await page.locator('.codes li').count(), 10);
	const recovery = await page.locator('.codes li').first().textContent();
	await page.click('.rail >> text=Sign out');
	await page.waitForSelector('[name=name]');
	for (const code of [totp(secret, Date.now() + 30_000), recovery]) {
		await page.fill('[name=name]', 'ann');
		await page.fill('[name=password]', password);
		await page.click('main button');
		await page.fill('[name=code]', code);
		await page.click('main button');
		await page.waitForSelector('.rail');
		if (code === recovery) break;
		await page.click('.rail >> text=Sign out');
		await page.waitForSelector('[name=name]');
	}

	// a session that ends: what is seen stays, and goes on after signing in again
	await page.goto(hub.url + '/cases');
	await page.waitForSelector('tbody tr');
	await page.context().clearCookies();
	await page.click('nav.views >> text=All');
	await page.waitForSelector('dialog[open] [name=name]');
	expect('the list stays', (await page.locator('tbody tr').count()) > 0, true);
	await page.context().close();
}

/** What one likes is there in another browser, too. */
export async function preferences(hub, browser) {
	const who = await hub.person('petra', 'analyst');
	const page = await windowOf(browser, who);
	await page.goto(hub.url + '/me');
	await quiet(page);
	await page.selectOption('.likes select >> nth=1', 'light');
	await page.uncheck('.likes input[type=checkbox]');
	await page.selectOption('.likes select >> nth=0', 'ja');
	await page.waitForFunction(() => document.documentElement.lang === 'ja');
	await page.waitForFunction(async () => (await (await fetch('/api/v1/me')).json()).account.language === 'ja');
	await page.context().close();
	const other = await windowOf(browser, who);
	await other.goto(hub.url + '/cases');
	await other.waitForFunction(() => document.documentElement.lang === 'ja' && document.documentElement.dataset.theme === 'light');
	await other.waitForFunction(() => localStorage.getItem('keys') === 'off');
	await other.context().close();
}

/** Accounts are made, changed, and closed; tokens work until they are ended. */
export async function accounts(hub, browser, admin) {
	const page = await windowOf(browser, admin);
	await page.goto(hub.url + '/accounts');
	await page.fill('section:has(#new) input', 'nina');
	await page.click('section:has(#new) button.main');
	await page.waitForSelector('.say.good code');
	const nina = await hub.join('nina', (await page.textContent('.say.good code')).split('/link/')[1]);
	await page.click('tr:has-text("nina") >> text=Details');
	await page.selectOption('dialog[open] select', 'operator');
	await page.click('dialog[open] button.main');
	await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].find((one) => one.textContent.includes('nina'))?.textContent.includes('operator'));
	await page.click('.toast >> text=Undo');
	await page.waitForFunction(() => [...document.querySelectorAll('tbody tr')].find((one) => one.textContent.includes('nina'))?.textContent.includes('analyst'));

	// a token for a program, shown once
	const own = await windowOf(browser, { name: 'nina', cookie: (await signedIn(hub, 'nina')).cookie });
	await own.goto(hub.url + '/me');
	await own.click('summary >> text=New token');
	await own.fill('section:has(#tokens) form input >> nth=0', 'the SIEM');
	await own.click('section:has(#tokens) form button.main');
	const token = await own.textContent('section:has(#tokens) .say.good code');
	const ask = async () => (await fetch(hub.url + '/api/v1/cases', { headers: { Authorization: 'Bearer ' + token } })).status;
	expect('the token works', await ask(), 200);
	await page.reload();
	await page.click('tr:has-text("nina") >> text=Details');
	await page.click('dialog[open] tr:has-text("the SIEM") >> text=Revoke');
	await page.waitForSelector('.toast >> text=of no use');
	expect('and then not', await ask(), 401);

	// a second factor that was lost with its telephone
	await own.reload();
	await own.click('text=Set it up');
	const secret = await own.textContent('code.key');
	await own.fill('section:has(code.key) input[autocomplete=one-time-code]', totp(secret));
	await own.fill('section:has(code.key) input[type=password]', password);
	await own.click('section:has(code.key) button.main');
	await own.waitForSelector('.codes');
	await page.reload();
	await page.click('tr:has-text("nina") >> text=Details');
	await page.click('dialog[open] >> text=Remove the second factor …');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.toast >> text=Done');
	expect('it is removed', (await hub.ask(hub.admin, 'GET', '/accounts')).accounts.find((one) => one.name === 'nina').second_factor, false);
	await page.click('tr:has-text("nina") >> text=Details');
	await page.click('dialog[open] >> text=Close for good …');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('tr:has-text("nina") >> text=closed');
	truth('nobody is here as nina', nina.cookie !== '' && (await fetch(hub.url + '/api/v1/me', { headers: { Cookie: nina.cookie } })).status === 401);
	await own.context().close();
	await page.context().close();
}

async function signedIn(hub, name) {
	const answer = await fetch(hub.url + '/api/v1/sign-in', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password }) });
	return { cookie: answer.headers.get('set-cookie').split(';')[0] };
}

export async function roles(hub, browser, people) {
	const seen = {};
	for (const who of Object.values(people)) {
		const page = await windowOf(browser, who);
		await page.goto(hub.url + '/cases');
		await page.waitForSelector('tbody tr, .nothing');
		seen[who.role] = [await page.locator('.rail nav a').count(), await page.locator('tbody input[type=checkbox]').count() > 0];
		await page.context().close();
	}
	// entries of the menu, and whether there is something to mark
	expect('what each role is offered', seen, { analyst: [13, true], operator: [14, true], inspector: [15, false], member: [4, false] });
}

export async function languages(hub, browser, analyst) {
	const page = await windowOf(browser, analyst, { locale: 'ja-JP' });
	await page.goto(hub.url + '/cases/1');
	await page.waitForSelector('ol.line li');
	expect('Japanese by the browser', [await page.getAttribute('html', 'lang'), (await page.textContent('h1')).includes('会員の機器')], ['ja', true]);
	truth('UTC and local time together', /UTC\s*\d\d:\d\d:\d\d UTC\+9/.test(await page.locator('dl.facts time').first().textContent()), await page.locator('dl.facts time').first().textContent());
	await page.click('.rail >> text=English');
	await page.waitForFunction(() => document.documentElement.lang === 'en' && document.querySelector('h1')?.textContent.includes('own machine'));
	await page.reload();
	await page.waitForSelector('ol.line li');
	expect('it stays', await page.getAttribute('html', 'lang'), 'en');
	await page.context().close();
}
