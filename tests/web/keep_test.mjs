// What a hub keeps and is kept with: ledger, sensors, rules.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './hub.mjs';
import { expect, marks, truth, windowOf } from './kit.mjs';

export async function ledger(hub, browser, inspector) {
	const page = await windowOf(browser, inspector);
	await page.goto(hub.url + '/ledger?kind=case-opened');
	await page.waitForSelector('tbody tr');
	await page.locator('tbody tr >> text=Check').first().click();
	await page.waitForSelector('.say.good');
	truth('proved', (await page.textContent('.say.good')).includes('Proved by this browser'));
	// what an act was about is searched
	await page.goto(hub.url + '/ledger');
	await page.fill('input[type=search]', 'ann2');
	await page.waitForURL(/text=ann2/);
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 0 && [...document.querySelectorAll('tbody tr')].every((one) => one.textContent.includes('ann2')));
	// a proof that was tampered with in each of its parts is found out
	const real = async (path) => (await hub.ask(hub.admin, 'GET', path));
	const act = (await real('/ledger/acts?kind=case-opened&limit=5')).acts.at(-1);
	const proof = await real(`/ledger/acts/${act.id}/proof`);
	const lines = proof.split('\n');
	const turn = (text) => (text[4] === 'A' ? text.slice(0, 4) + 'B' + text.slice(5) : text.slice(0, 4) + 'A' + text.slice(5));
	const wrong = [
		['the leaf', lines.map((line, i) => (i === 1 ? line.slice(0, 30) + (line[30] === 'A' ? 'B' : 'A') + line.slice(31) : line))],
		['the path', lines.map((line, i) => (i === 3 ? turn(line) : line))],
		['a step less', lines.filter((_, i) => i !== 3)],
		['the index', lines.map((line, i) => (i === 2 ? 'index ' + (Number(line.slice(6)) ^ 1) : line))],
		['the signature', lines.map((line) => (line.startsWith('—') ? line.slice(0, -8) + 'AAAAAAA=' : line))],
		['the size', lines.map((line, i) => (/^\d+$/.test(line) && i > 3 ? String(Number(line) + 1) : line))],
	];
	let body = '';
	await page.route('**/api/v1/ledger/acts/*/proof*', (route) => route.fulfill({ status: 200, contentType: 'text/plain', body }));
	for (const [what, changed] of wrong) {
		body = changed.join('\n');
		await page.goto(hub.url + '/ledger/' + act.id);
		await page.waitForSelector('.say.bad, .say.good');
		expect(what + ' was changed', await page.locator('.say.good').count(), 0);
	}
	body = proof;
	await page.goto(hub.url + '/ledger/' + act.id);
	await page.waitForSelector('.say.bad, .say.good');
	expect('untouched it is good', await page.locator('.say.good').count(), 1);
	await page.context().close();
}

/** A code for a sensor, made on the page, lets one join; one that nobody used is withdrawn. */
export async function sensors(hub, browser, operator) {
	const page = await windowOf(browser, operator);
	await page.goto(hub.url + '/sensors');
	const make = async (name) => {
		await page.fill('section:has(#enrol) input', name);
		await page.click('section:has(#enrol) button.main');
		await page.waitForFunction((wanted) => document.querySelector('.codes tbody th')?.textContent.includes(wanted), name);
		return page.textContent('.say.good code');
	};
	const said = await make('tower-2');
	hub.run('trust', 'join', /hinomi-join:\S+/.exec(said)[0], '--dir', join(hub.folder, 'sensor-2'));
	expect('it joined', hub.run('trust', 'list', '--dir', join(hub.folder, 'trust')).includes('tower-2'), true);
	await make('tower-3');
	await page.click('.codes tr:has-text("tower-3") >> text=Withdraw');
	await page.waitForFunction(() => [...document.querySelectorAll('.codes tr')].find((one) => one.textContent.includes('tower-3'))?.textContent.includes('withdrawn'));

	// one in all details: watched share, gaps; where it stands is for the map
	await page.click('tr:has-text("tower-1") >> text=Details');
	await page.waitForSelector('dialog[open] >> text=Nothing is missing');
	truth('its watched share', (await page.locator('dialog[open] dl .share').count()) === 2);
	await page.click('dialog[open] summary');
	await page.fill('dialog[open] form input >> nth=0', 'Sendai <img src=x onerror=window.hacked=1>');
	await page.fill('dialog[open] form input >> nth=1', '38.27');
	await page.fill('dialog[open] form input >> nth=2', '140.87');
	await page.click('dialog[open] form >> text=Save');
	await page.waitForSelector('.toast >> text=Saved');
	const { sensors: all } = await hub.ask(hub.admin, 'GET', '/sensors');
	expect('its place', all.find((one) => one.name === 'tower-1').latitude, 38.27);
	await page.keyboard.press('Escape');

	// one that is given up is refused from then on
	await page.reload();
	await page.click('tr:has-text("tower-2") >> text=Details');
	await page.click('dialog[open] >> text=Revoke …');
	await page.fill('dialog[open] form.stack input', 'stolen');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.toast >> text=refused from now on');
	expect('it is revoked', (await hub.ask(hub.admin, 'GET', '/sensors')).sensors.find((one) => one.name === 'tower-2').state, 'revoked');
	await page.context().close();
}

/** The directory of owners, kept on the page. */
export async function owners(hub, browser, operator) {
	const page = await windowOf(browser, operator);
	await page.goto(hub.url + '/owners');
	await page.click('text=New owner');
	await page.fill('dialog[open] input >> nth=0', 'bakery');
	await page.fill('dialog[open] input >> nth=1', 'Bakery ' + marks);
	await page.fill('dialog[open] input >> nth=2', 'パン屋');
	await page.click('dialog[open] button.main');
	await page.waitForURL(/\/owners\/\d+$/);
	await page.waitForSelector('h1 >> text=Bakery');
	await page.fill('section:has(#contacts) form input', 'abuse@bakery.example');
	await page.click('section:has(#contacts) form button');
	await page.waitForSelector('section:has(#contacts) tbody >> text=abuse@bakery.example');
	await page.fill('section:has(#holdings) form input >> nth=0', '192.0.2.0/25');
	await page.click('section:has(#holdings) form button');
	await page.waitForSelector('section:has(#holdings) tbody >> text=192.0.2.0');
	await page.click('section:has(#contacts) tbody >> text=Leave it alone');
	await page.waitForSelector('section:has(#contacts) tbody >> text=left alone');
	await page.click('.toast >> text=Undo');
	await page.waitForSelector('section:has(#contacts) tbody >> text=in use');
	await page.click('section:has(#holdings) tbody >> text=Remove');
	await page.waitForFunction(() => !document.querySelector('#holdings').parentElement.textContent.includes('192.0.2.0'));
	await page.click('.toast:has-text("no longer answers") >> text=Undo');
	await page.waitForSelector('section:has(#holdings) tbody >> text=192.0.2.0');
	await page.click('header >> text=Edit');
	await page.fill('dialog[open] input >> nth=0', 'Old bakery');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('h1 >> text=Old bakery');
	await page.click('header >> text=Remove …');
	await page.click('dialog[open] button.main');
	await page.waitForURL(hub.url + '/owners');

	// a directory as CSV: what is wrong is said, then what would change, then it is there
	await page.click('text=Bring in CSV');
	const csv = readFileSync(join(hub.root, 'data/samples/owners.csv'), 'utf-8');
	await page.fill('dialog[open] textarea', csv + 'broken,,,,,,maybe,999.1.2.3/4,,,\n');
	await page.click('dialog[open] >> text=See what would change');
	await page.waitForSelector('dialog[open] [role=alert]');
	await page.fill('dialog[open] textarea', csv + 'mill,A mill,製粉所,JP,ja,,no,192.0.2.128/25,,abuse@mill.example,abuse\n');
	await page.click('dialog[open] >> text=See what would change');
	await page.waitForSelector('dialog[open] table');
	expect('nothing is changed by looking', (await hub.ask(hub.admin, 'GET', '/organisations?text=mill')).organisations.length, 0);
	await page.click('dialog[open] >> text="Bring it in"');
	await page.waitForSelector('tbody >> text=A mill');

	// whose is it? what nobody answers for is given to somebody
	await page.route('**/api/v1/directory/unowned?*', (route) => route.fulfill({ json: { unowned: [{ notice: 4711, case: 1, kind: 'infected-member', address: '192.0.2.130', device: '', first_seen: '2026-11-22T03:00:00Z', last_seen: '2026-11-22T03:10:00Z', created: null, severity: 'high' }] } }));
	let told = null;
	await page.route('**/api/v1/directory/unowned/4711/owner*', (route) => {
		told = route.request().postDataJSON();
		return route.fulfill({ json: {} });
	});
	await page.reload();
	await page.waitForSelector('section:has(#queue) option >> nth=2', { state: 'attached' });
	await page.selectOption('section:has(#queue) select', { label: 'A mill' });
	await page.click('text="It is theirs"');
	await until('the owner is said', () => told);
	expect('whose it is', told.organisation, (await hub.ask(hub.admin, 'GET', '/organisations?text=mill')).organisations[0].id);
	await page.context().close();
}

/** A roster and an authority, signed on the command line, put in force and ended on the page. */
export async function authorities(hub, browser, admin) {
	const at = (name) => join(hub.folder, name);
	const names = ['a', 'b'].map((one) => 'commission.example/' + one);
	const keys = names.map((name, i) => hub.run('authority', 'key', '--key=' + at('signer-' + i), '--name=' + name).trim().split('\n').at(-1));
	hub.run('authority', 'roster', '--need=2', ...keys.map((key) => '--signer=' + key), '--output=' + at('roster'));
	const sign = (file) => names.forEach((name, i) => hub.run('authority', 'sign', at(file), '--key=' + at('signer-' + i), '--name=' + name));
	sign('roster');
	const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
	hub.run('authority', 'new', '--roster=' + at('roster'), '--number=2027-000123', '--kind=survey-plan', '--from=' + day(-1), '--until=' + day(30), '--prefix=203.0.113.0/24', '--port=tcp/22-23', '--rate=100', '--uses=3', '--output=' + at('plan'));
	const page = await windowOf(browser, admin);
	await page.goto(hub.url + '/authorities');
	await page.waitForSelector('.nothing');
	await page.click('summary >> text=Take in a roster');
	await page.fill('section:has(#signers) textarea', readFileSync(at('roster'), 'utf-8'));
	await page.click('section:has(#signers) form button');
	await page.waitForSelector('text=2 of 2 must sign');
	// unsigned it is refused, in words
	await page.fill('section:has(#put) textarea', readFileSync(at('plan'), 'utf-8'));
	await page.click('section:has(#put) button.main');
	await page.waitForSelector('.toast.bad');
	sign('plan');
	await page.fill('section:has(#put) textarea', readFileSync(at('plan'), 'utf-8'));
	await page.click('section:has(#put) button.main');
	await page.waitForSelector('tbody >> text=2027-000123');
	await page.click('tbody a');
	await page.waitForSelector('#check');
	await page.waitForFunction(() => document.querySelector('#note')?.parentElement.textContent.includes('commission.example/a'));
	const ask = async (prefix, port) => {
		await page.fill('section:has(#check) input >> nth=0', prefix);
		await page.fill('section:has(#check) input >> nth=1', port);
		await page.click('section:has(#check) button');
		await page.waitForFunction(() => document.querySelector('section:has(#check) [role=status]'));
		return page.textContent('section:has(#check) [role=status]');
	};
	truth('what is beyond it', (await ask('198.51.100.0/24', 'tcp/22')).startsWith('No:'));
	await page.click('text=End it …');
	await page.fill('dialog[open] input', 'the survey is over');
	await page.click('dialog[open] button.main');
	await page.waitForSelector('.chip >> text=ended');
	await page.context().close();
}

/** Was a network quiet? The answer is signed, and the browser checks that itself. */
export async function silence(hub, browser, inspector) {
	const page = await windowOf(browser, inspector);
	await page.goto(hub.url + '/silence');
	await page.fill('main form input >> nth=0', '203.0.113.0/24');
	await page.click('text=Ask and sign');
	await page.waitForSelector('#answer');
	expect('quiet', (await page.textContent('#answer')).includes('Silent'), true);
	await page.waitForSelector('.say.good >> text=the signature was checked here');
	expect('in both languages', [await page.locator('.sentence[lang=ja]').count(), await page.locator('.sentence[lang=en]').count()], [1, 1]);
	await page.fill('main form input >> nth=0', '192.52.193.0/24');
	await page.fill('main form input >> nth=1', '2026-11-01T00:00');
	await page.click('text=Ask and sign');
	await page.waitForFunction(() => document.querySelector('#answer')?.textContent.includes('Not silent'));
	await page.goto(hub.url + '/silence');
	await page.route('**/api/v1/silence*', async (route) => {
		const answer = await (await route.fetch()).json();
		await route.fulfill({ json: { ...answer, note: answer.note.replace('203.0.113.0', '203.0.114.0') } });
	});
	await page.fill('main form input >> nth=0', '203.0.113.0/24');
	await page.click('text=Ask and sign');
	await page.waitForSelector('text=could not be checked');
	await page.context().close();
}

/** A rule is tried on what is stored, then changed, and changed back. */
export async function rules(hub, browser, operator) {
	const page = await windowOf(browser, operator);
	await page.goto(hub.url + '/rules');
	const rule = page.locator('section:has(#rule-scanner)');
	await rule.locator('summary').click();
	await rule.locator('input').first().fill('100000');
	await rule.locator('text=Try on what is stored').click();
	await rule.locator('.say.good').waitFor();
	truth('what a larger number would have found', (await rule.locator('.say.good').textContent()).includes('findings of 165 observations'), await rule.locator('.say.good').textContent());
	// all that are on, over a time of one's own: what each costs
	await page.selectOption('section:has(#replay) select', '-30d');
	await page.waitForURL(/span=-30d/);
	await page.click('text=Replay all that are on');
	await page.waitForSelector('section:has(#replay) tbody tr');
	truth('the price', /\d\.\d\d µs/.test(await page.textContent('section:has(#replay) tbody')), await page.textContent('section:has(#replay) tbody'));
	await page.selectOption('section:has(#replay) select', 'own');
	await page.fill('section:has(#replay) input >> nth=0', '2020-01-01T00:00');
	await page.fill('section:has(#replay) input >> nth=1', '2020-02-01T00:00');
	await page.click('text=Replay all that are on');
	await page.waitForSelector('section:has(#replay) >> text=No observation of that time');
	await rule.locator('text=Apply').click();
	await page.click('.toast >> text=Undo');
	await page.waitForFunction(() => document.querySelectorAll('.toast').length > 0);
	await rule.locator('[role=switch]').click();
	await page.waitForFunction(() => document.querySelector('section:has(#rule-scanner) [role=switch]')?.getAttribute('aria-checked') === 'false');
	expect('it is off', (await hub.ask(hub.admin, 'GET', '/rules/scanner')).on, false);
	await rule.locator('[role=switch]').click();
	await page.waitForFunction(() => document.querySelector('section:has(#rule-scanner) [role=switch]')?.getAttribute('aria-checked') === 'true');
	await page.context().close();
}
