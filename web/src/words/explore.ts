import type { Texts } from '../lib/words';

export const explore = {
	// explore
	'explore.title': ['Explore', '探索'],
	'explore.filter': ['Question', '条件'],
	'explore.hint': ['for example: proto tcp and dport 23 and not tool zmap', '例: proto tcp and dport 23 and not tool zmap'],
	'explore.ask': ['Ask', '実行'],
	'explore.by': ['Group by', '集計'],
	'explore.rows': ['single observations', '個々の観測'],
	'explore.since': ['Time', '期間'],
	'explore.everything': ['everything', '全期間'],
	'explore.found': ['{n} of {all} observations fit', '{all} 件中 {n} 件が該当'],
	'explore.none': ['No observation fits.', '該当する観測はありません。'],
	'explore.none.do': ['Take a word out, or look at a longer time.', '条件を減らすか、期間を延ばしてください。'],
	'explore.download': ['Download', 'ダウンロード'],
	'explore.share': ['Copy the link', 'リンクをコピー'],
	'explore.series': ['Packets over time; drag to look closer', 'パケット数の推移 (ドラッグで拡大)'],
	'explore.wider': ['Whole time', '全体を表示'],
	'explore.time': ['Time', '時刻'],
	'explore.groups': ['{n} groups', '{n} グループ'],
	'explore.column': ['here', 'ここ'],
} as const satisfies Texts;
