// A hub of its own for the tests of the page, as script/run makes one: a sensor that joined, owners,
// and the laboratory's recording read by the real telescope.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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

/** A mail server that keeps what it gets: enough of SMTP for one client that is ours. */
class Mail {
	letters = [];

	static start() {
		const mail = new Mail();
		return new Promise((done) => {
			mail.server = createServer((socket) => mail.talk(socket)).listen(0, '127.0.0.1', () => {
				mail.port = mail.server.address().port;
				done(mail);
			});
		});
	}

	talk(socket) {
		let had = '';
		let data = false;
		socket.on('error', () => {});
		socket.write('220 mail.example ESMTP\r\n');
		socket.on('data', (bytes) => {
			had += bytes.toString('latin1');
			for (;;) {
				const end = had.indexOf(data ? '\r\n.\r\n' : '\r\n');
				if (end < 0) return;
				const line = had.slice(0, end);
				had = had.slice(end + (data ? 5 : 2));
				if (data) {
					this.letters.push(line);
					data = false;
					socket.write('250 kept\r\n');
				} else if (/^DATA/i.test(line)) {
					data = true;
					socket.write('354 go on\r\n');
				} else if (/^EHLO/i.test(line)) socket.write('250-mail.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n');
				else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n');
				else socket.write('250 fine\r\n');
			}
		});
	}
}

const million = 1_000_000;

/** A million flows of the last weeks, as nfdump prints them, written to `path`. */
function writeMillion(path) {
	const file = openSync(path, 'w');
	const ports = [23, 22, 443, 445, 3389, 80, 8080, 53, 5555, 6379];
	const begin = Math.floor(Date.now() / 1000) - 15 * 86_400;
	let seed = 1;
	const dice = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) % n;
	let time = '';
	let text = 'ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n';
	for (let i = 0; i < million; i++) {
		if (i % 100 === 0) time = new Date((begin + i) * 1000).toISOString().slice(0, 19).replace('T', ' ');
		text += `${time},${time},0.000,${1 + dice(222)}.${dice(4)}.${dice(256)}.${1 + dice(254)},198.18.${dice(256)}.${dice(256)},${1024 + dice(60000)},${dice(5) === 0 ? dice(65535) : ports[dice(10)]},${dice(6) === 0 ? 'UDP' : 'TCP'},......S.,1,${40 + dice(20)}\n`;
		if (text.length > 4_000_000) {
			writeSync(file, text);
			text = '';
		}
	}
	writeSync(file, text);
	closeSync(file);
}

export class Hub {
	/** `quiet`: nothing has arrived yet; `large`: a million flows are stored. */
	static async start(build, root, { quiet = false, large = false, settings: more = [] } = {}) {
		const hub = new Hub();
		hub.build = build;
		hub.root = root;
		hub.folder = mkdtempSync(join(tmpdir(), 'hinomi-web-'));
		hub.mail = await Mail.start();
		const sensors = '127.0.0.1:' + (await freePort());
		hub.port = await freePort();
		hub.url = 'http://127.0.0.1:' + hub.port;
		hub.run('trust', 'init', '--dir', join(hub.folder, 'trust'), '--hub', sensors, '--name', 'demo');
		if (large) {
			const csv = join(hub.folder, 'million.csv');
			writeMillion(csv);
			hub.run('import', '--quiet', '--format', 'nfdump', '--store', join(hub.folder, 'store'), csv);
			rmSync(csv);
		}
		// notices are made by hand: one that the hub gathers waits an hour here
		const settings = ['metrics=', `people=127.0.0.1:${hub.port}`, 'people.plain=yes', 'mail.from=soc@tower.example', `mail.server=127.0.0.1:${hub.mail.port}`, 'mail.tls=plain', 'notice.send=yes', 'notice.sender=Tower of the laboratory', 'notice.contact=soc@tower.example', 'notice.gather=1h', 'notice.approve=yes', 'notice.proof=0', 'alert.to=mail:noc@tower.example', ...more];
		hub.process = spawn(join(build, 'hinomi-hub'), ['run', '--dir', hub.folder, '--listen', sensors, ...settings.flatMap((one) => ['--set', one])], { stdio: ['ignore', 'ignore', 'pipe'] });
		let log = '';
		hub.process.stderr.on('data', (text) => (log += text));
		await until('the hub starts', () => {
			if (hub.process.exitCode !== null) throw new Error('the hub does not start: ' + log);
			return log.includes('event=hub.start');
		});
		const code = /hinomi-join:\S+/.exec(hub.run('trust', 'enrol', '--dir', join(hub.folder, 'trust'), 'tower-1'))[0];
		hub.run('trust', 'join', code, '--dir', join(hub.folder, 'sensor'));
		hub.run('directory', '--dir', hub.folder, 'import', join(root, 'data/samples/owners.csv'));
		if (!quiet) await hub.feed();
		const link = /link\/(\S+)/.exec(hub.run('account', 'first', '--dir', hub.folder, '--url', hub.url))[1];
		hub.admin = await hub.join('admin', link);
		return hub;
	}

	/** The laboratory's recording, read by the real telescope, comes in from the sensor. */
	feed() {
		const sample = JSON.parse(readFileSync(join(this.root, 'data/samples/town.json'), 'utf-8'));
		const space = ['dark', 'member'].flatMap((key) => sample[key].map((prefix) => `--${key}=${prefix}`));
		return this.runBeside('telescope', '--road', join(this.folder, 'sensor'), ...space, join(this.root, 'data/samples/town.pcap.zst'));
	}

	/** Like run(), while others go on. */
	runBeside(program, ...args) {
		const child = spawn(join(this.build, 'hinomi-' + program), args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
		let said = '';
		child.stderr.on('data', (text) => (said += text));
		return new Promise((done, failed) => child.on('close', (status) => (status === 0 ? done() : failed(new Error(program + ': ' + said)))));
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
		// one that does not end is ended: what it was tested for stands
		const force = setTimeout(() => this.process.kill('SIGKILL'), 20_000);
		await until('the hub ends', () => this.process.exitCode !== null || this.process.signalCode !== null);
		clearTimeout(force);
		this.mail.server.close();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

export function browserPath() {
	return ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
}
