// web_test - the page as people use it, in Debian's Chromium against real hubs.
//
// usage: web_test.mjs BUILD [--only PART,...]     pictures of every page in both languages and themes,
//                                                 at desktop and phone width, go to BUILD/web-pictures
//
// Skips itself (77) where there is no Chromium.
import { join, resolve } from 'node:path';
import { cases, mergeAndSplit, notices } from './cases_test.mjs';
import { explore } from './explore_test.mjs';
import { Hub, browserPath } from './hub.mjs';
import { authorities, ledger, owners, rules, sensors, silence } from './keep_test.mjs';
import { failures, need, root } from './kit.mjs';
import { live, million } from './live_test.mjs';
import { looks } from './looks_test.mjs';
import { files, hostileAnswers, speed, texts, types } from './page_test.mjs';
import { accounts, languages, preferences, roles, signIn } from './people_test.mjs';

const build = resolve(process.argv[2]);
const executablePath = browserPath();
if (!executablePath) {
	console.log('skipped: there is no chromium (script/packages test)');
	process.exit(77);
}
const { chromium } = need('playwright-core');

async function main() {
	const only = process.argv.includes('--only') ? (process.argv[process.argv.indexOf('--only') + 1] ?? '').split(',') : [];
	const wanted = (name) => only.length === 0 || only.includes(name);
	const hub = await Hub.start(build, root);
	const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--autoplay-policy=no-user-gesture-required'] });
	const run = async (name, part) => {
		if (!wanted(name)) return;
		const start = Date.now();
		try {
			await part();
		} catch (error) {
			failures.push(name + ': ' + String(error.stack ?? error).slice(0, 1500));
		}
		console.log(name + ': ' + ((Date.now() - start) / 1000).toFixed(1) + ' s');
	};
	try {
		await hub.person('ann', 'analyst');
		const people = { analyst: await hub.person('ann2', 'analyst'), operator: await hub.person('olga', 'operator'), inspector: await hub.person('ines', 'inspector'), member: await hub.person('mia', 'member', 1) };
		await run('texts', () => texts());
		await run('types', () => types());
		await run('files', () => files(hub));
		await run('signIn', () => signIn(hub, browser));
		await run('languages', () => languages(hub, browser, people.analyst));
		await run('preferences', () => preferences(hub, browser));
		await run('looks', () => looks(hub, browser, hub.admin, join(build, 'web-pictures')));
		await run('cases', () => cases(hub, browser, people.analyst));
		await run('merge', () => mergeAndSplit(hub, browser, people.analyst));
		await run('notices', () => notices(hub, browser, people));
		await run('ledger', () => ledger(hub, browser, people.inspector));
		await run('sensors', () => sensors(hub, browser, people.operator));
		await run('owners', () => owners(hub, browser, people.operator));
		await run('rules', () => rules(hub, browser, people.operator));
		await run('authorities', () => authorities(hub, browser, hub.admin));
		await run('silence', () => silence(hub, browser, people.inspector));
		await run('accounts', () => accounts(hub, browser, hub.admin));
		await run('roles', () => roles(hub, browser, people));
		await run('explore', () => explore(hub, browser, people.analyst));
		await run('hostile', () => hostileAnswers(hub, browser, hub.admin));
		await run('speed', () => speed(hub, browser, people.analyst));
	} finally {
		await hub.stop();
	}
	// a hub of which nothing is known yet but a million old flows
	if (wanted('live') || wanted('million')) {
		const large = await Hub.start(build, root, { quiet: true, large: true });
		try {
			const people = { analyst: await large.person('ann', 'analyst'), operator: await large.person('olga', 'operator') };
			await run('million', () => million(large, browser, people.analyst));
			await run('live', () => live(large, browser, people));
		} finally {
			await large.stop();
		}
	}
	await browser.close();
	for (const line of failures) console.log(line);
	console.log(failures.length > 0 ? failures.length + ' failures' : 'the page: all as expected');
	process.exitCode = failures.length > 0 ? 1 : 0;
}

await main();
