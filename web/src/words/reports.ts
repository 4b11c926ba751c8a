import type { Texts } from '../lib/words';

export const reports = {
	// reports
	'reports.title': ['Observation report', '観測報告書'],
	'reports.month': ['The last 30 days', '過去30日間'],
	'reports.year': ['The last 365 days', '過去365日間'],
	'reports.print': ['Print', '印刷'],
	'reports.packets': ['Packets', 'パケット数'],
	'reports.sources': ['Distinct sources', '送信元の数'],
	'reports.per': ['Packets a dark address', '未使用アドレス当たりのパケット数'],
	'reports.watched': ['Share of the time that was watched', '監視できた期間の割合'],
	'reports.ports': ['Most probed ports', '多く狙われたポート'],
	'reports.tools': ['Tools', 'ツール'],
	'reports.cases': ['Cases opened, by kind', '種類別の案件数'],
	'reports.approximate': ['about', '約'],
} as const satisfies Texts;
