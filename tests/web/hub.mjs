// A hub of its own for the tests of the page, as script/run makes one: a sensor that joined, owners,
// and the laboratory's recording read by the real telescope.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const patience = 60_000;
export const password = 'a long pass phrase';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(what, ready) {
	const end = Date.now() + patience;
	while (Date.now() < end) {
		const value = await ready();
		if (value) return value;
		await sleep(50);
	}
	throw new Error(what + ': not within ' + patience / 1000 + ' s');
}

function freePort() {
	return new Promise((done) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => done(port));
		});
	});
}

/** The code of a second factor now (RFC 6238). */
export function totp(secret, now = Date.now()) {
	const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
	let bits = '';
	for (const letter of secret.replaceAll(' ', '').replace(/=+$/, '')) bits += letters.indexOf(letter).toString(2).padStart(5, '0');
	const key = Buffer.from(bits.match(/.{8}/g).map((one) => parseInt(one, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
	const mac = createHmac('sha1', key).update(step).digest();
	const at = mac[19] & 15;
	return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

export class Hub {
	static async start(build, root) {
		const hub = new Hub();
		hub.build = build;
		hub.folder = mkdtempSync(join(tmpdir(), 'hinomi-web-'));
		const sensors = '127.0.0.1:' + (await freePort());
		hub.port = await freePort();
		hub.url = 'http://127.0.0.1:' + hub.port;
		hub.run('trust', 'init', '--dir', join(hub.folder, 'trust'), '--hub', sensors, '--name', 'demo');
		hub.process = spawn(join(build, 'hinomi-hub'), ['run', '--dir', hub.folder, '--listen', sensors, '--set', 'metrics=', '--set', `people=127.0.0.1:${hub.port}`, '--set', 'people.plain=yes', '--set', 'mail.from=soc@tower.example'], { stdio: ['ignore', 'ignore', 'pipe'] });
		let log = '';
		hub.process.stderr.on('data', (text) => (log += text));
		await until('the hub starts', () => {
			if (hub.process.exitCode !== null) throw new Error('the hub does not start: ' + log);
			return log.includes('event=hub.start');
		});
		const code = /hinomi-join:\S+/.exec(hub.run('trust', 'enrol', '--dir', join(hub.folder, 'trust'), 'tower-1'))[0];
		hub.run('trust', 'join', code, '--dir', join(hub.folder, 'sensor'));
		hub.run('directory', '--dir', hub.folder, 'import', join(root, 'data/samples/owners.csv'));
		const sample = JSON.parse(readFileSync(join(root, 'data/samples/town.json'), 'utf-8'));
		const space = ['dark', 'member'].flatMap((key) => sample[key].map((prefix) => `--${key}=${prefix}`));
		hub.run('telescope', '--road', join(hub.folder, 'sensor'), ...space, join(root, 'data/samples/town.pcap.zst'));
		const link = /link\/(\S+)/.exec(hub.run('account', 'first', '--dir', hub.folder, '--url', hub.url))[1];
		hub.admin = await hub.join('admin', link);
		return hub;
	}

	run(program, ...args) {
		return execFileSync(join(this.build, 'hinomi-' + program), args, { encoding: 'utf-8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
	}

	/** Use a one-time link; whom it makes can ask(). */
	async join(name, link) {
		const answer = await fetch(this.url + '/api/v1/link', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ link, password }) });
		if (answer.status !== 200) throw new Error('link of ' + name + ': ' + answer.status);
		return { name, cookie: answer.headers.get('set-cookie').split(';')[0], csrf: (await answer.json()).csrf };
	}

	async ask(who, method, path, body) {
		const answer = await fetch(this.url + '/api/v1' + path, { method, headers: { Cookie: who.cookie, 'X-CSRF-Token': who.csrf, ...(body ? { 'Content-Type': 'application/json' } : {}) }, body: body && JSON.stringify(body) });
		const text = await answer.text();
		if (!answer.ok) throw new Error(method + ' ' + path + ': ' + answer.status + ' ' + text);
		return text.startsWith('{') ? JSON.parse(text) : text;
	}

	async person(name, role, organisation) {
		const made = await this.ask(this.admin, 'POST', '/accounts', { name, role, ...(organisation ? { organisation } : {}) });
		return { ...(await this.join(name, made.link)), id: made.id, role };
	}

	async stop() {
		this.process.kill('SIGTERM');
		await until('the hub ends', () => this.process.exitCode !== null || this.process.signalCode !== null);
		rmSync(this.folder, { recursive: true, force: true });
	}
}

export function browserPath() {
	return ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
}
