import type { Texts } from '../lib/words';

export const rules = {
	// rules
	'rules.title': ['Rules', 'ルール'],
	'rules.lead': ['What observations add up to. Try a change on what is stored first: it tells what would have been found, and what it costs.', '観測から所見を導く規則です。変更は保存済みの観測でまず試し、見つかるものと処理の重さを確かめられます。'],
	'rules.on': ['on', '有効'],
	'rules.off': ['off', '無効'],
	'rules.since': ['{n} findings of {rows} observations since the start', '起動後: 観測 {rows} 件から所見 {n} 件'],
	'rules.settings': ['Settings and replay', '設定と再生'],
	'rules.try': ['Try on what is stored', '保存済みの観測で試す'],
	'rules.apply': ['Apply', '適用する'],
	'rules.done': ['The rule works so from now on.', 'ルールを変更しました。'],
	'rules.running': ['Replaying: {done} of {all} blocks …', '再生中: {all} ブロック中 {done} …'],
	'rules.result': ['{n} findings of {rows} observations; {price} µs each', '観測 {rows} 件から所見 {n} 件 (1件 {price} µs)'],
	'rules.replay': ['Replay on what is stored', '保存済みの観測での再生'],
	'rules.span': ['Time that is replayed', '再生する期間'],
	'rules.span.own': ['from – until …', '期間を指定…'],
	'rules.try.all': ['Replay all that are on', '有効なルールをすべて再生'],
	'rules.cancelled': ['The replay was ended.', '再生を中止しました。'],
	'rules.nothing': ['No observation of that time is of use to it.', 'この期間に対象となる観測はありません。'],
	'rules.rule': ['Rule', 'ルール'],
	'rules.price': ['An observation costs', '観測1件の処理'],
	'rules.share': ['Share of the work', '処理の割合'],
	'rules.told': ['known', '検出'],
	'rules.more': ['and {n} more', '他 {n} 件'],
	'rules.file': ['{value} in the file', 'ファイルの値は {value}'],
} as const satisfies Texts;
