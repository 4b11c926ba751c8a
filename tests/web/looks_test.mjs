// Every page in both languages and themes, at both widths.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failures, need, quiet, truth, windowOf } from './kit.mjs';

const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf-8');

export const views = [['front', '/'], ['now', '/now'], ['wall', '/wall'], ['cases', '/cases'], ['case', '/cases/1'], ['explore', '/explore?filter=kind+telescope.flow&by=dport%2Cproto'], ['addresses', '/addresses/192.52.193.77'], ['owners', '/owners'], ['owner', '/owners/1'], ['sensors', '/sensors'], ['rules', '/rules'], ['ledger', '/ledger'], ['reports', '/reports'], ['explore-map', '/explore?filter=kind+telescope.flow&view=map'], ['authorities', '/authorities'], ['silence', '/silence?net=192.52.193.0%2F24&since=2026-11-22T00:00:00Z'], ['settings', '/settings'], ['accounts', '/accounts'], ['me', '/me'], ['case-notice', '/cases/1', 'section[aria-labelledby=told] button.main'], ['explore-download', '/explore?filter=dport+23', 'header .row button:last-child'], ['sensor', '/sensors', 'tbody button']];

/** What axe finds of weight; it looks at the same in both languages and widths but for a few places. */
async function judge(page, name, theme, device) {
	if (device === 'phone' && (theme === 'light' || !['now', 'cases', 'case'].includes(name))) return;
	const rules = theme === 'light' ? { type: 'rule', values: ['color-contrast'] } : { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
	if (theme === 'dark') await page.evaluate(axe);
	const found = await page.evaluate((runOnly) => window.axe.run(document, { resultTypes: ['violations'], runOnly }), rules);
	for (const one of found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical'))
		failures.push(`axe: ${name} ${theme} ${device}: ${one.id} (${one.impact}): ${one.nodes.slice(0, 3).map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join('; ')}`);
}

async function looksIn(hub, browser, admin, pictures, lang, locale) {
	const pages = { in: await windowOf(browser, admin, { locale }), out: await windowOf(browser, null, { locale }) };
	const cameras = new Map();
	for (const page of Object.values(pages)) cameras.set(page, await page.context().newCDPSession(page));
	for (const [name, path, press] of views) {
		const page = name === 'front' ? pages.out : pages.in;
		await page.setViewportSize({ width: 1366, height: 900 });
		await page.goto(hub.url + path);
		await quiet(page);
		if (press) {
			await page.click(press);
			await page.waitForFunction(() => document.querySelector('dialog[open]') && !document.querySelector('dialog[open] .wait'));
		}
		for (const theme of ['dark', 'light']) {
			await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
			for (const [width, height, device] of [[1366, 900, 'desktop'], [390, 844, 'phone']]) {
				await page.setViewportSize({ width, height });
				await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				truth(`${name} ${lang} ${device} fits`, wide <= 1, wide + ' pixels too wide');
				// as the browser has it: several times faster than to have it packed well
				const { data } = await cameras.get(page).send('Page.captureScreenshot', { format: 'png', optimizeForSpeed: true });
				writeFileSync(join(pictures, `${name}.${lang}.${theme}.${device}.png`), Buffer.from(data, 'base64'));
				if (lang === 'en') await judge(page, name, theme, device);
			}
		}
	}
	for (const page of Object.values(pages)) await page.context().close();
}

/** Every page in both languages and themes, at both widths: no finding of weight by axe, nothing too wide. */
export async function looks(hub, browser, admin, pictures) {
	rmSync(pictures, { recursive: true, force: true });
	mkdirSync(pictures, { recursive: true });
	await Promise.all([looksIn(hub, browser, admin, pictures, 'en', 'en-GB'), looksIn(hub, browser, admin, pictures, 'ja', 'ja-JP')]);
}
