// What all parts of the web test use: a window in which whatever goes wrong counts as a failure.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from './hub.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const need = createRequire(join(root, 'web/package.json'));
export const failures = [];

export function expect(what, said, wanted) {
	if (JSON.stringify(said) !== JSON.stringify(wanted)) failures.push(`${what}: said ${JSON.stringify(said)}, wanted ${JSON.stringify(wanted)}`);
}

export function truth(what, good, said = '') {
	if (!good) failures.push(what + (said === '' ? '' : ': ' + said));
}

export const hostile = '<script>window.hacked=1</script>\u202Egpj.exe\u2066 "\'><img src=x onerror=window.hacked=1>';
// the same without what hides: such the hub refuses in names
export const marks = hostile.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
// what answers to requests that are meant to be refused
const expected = /status of (401|409|422|429)/;

/** A window, with whatever goes wrong in it counted as a failure. */
export async function windowOf(browser, who, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1366, height: 900 }, locale: 'en-GB', timezoneId: 'Asia/Tokyo', ...options });
	if (who) {
		const [name, value] = who.cookie.split(/=(.*)/s);
		await context.addCookies([{ name, value, domain: '127.0.0.1', path: '/', secure: true, httpOnly: true, sameSite: 'Strict' }]);
	}
	const page = await context.newPage();
	page.setDefaultTimeout(30_000);
	page.on('pageerror', (error) => failures.push('an error in the page: ' + String(error.stack).slice(0, 600)));
	page.on('console', (message) => {
		if (message.type() === 'error' && !expected.test(message.text())) failures.push('the console says: ' + message.text() + ' ' + (message.location()?.url ?? ''));
	});
	return page;
}

/** Nothing loads any more, and nothing says so. */
export async function quiet(page) {
	await page.waitForFunction(() => document.querySelector('#main .page, .front') && !document.querySelector('.wait'));
	await sleep(250);
}
