/* page_public - am I seen?, and is this notice real?, in plain words */
#include <stdio.h>

#include "base/escape.h"
#include "hub/door/api_public.h"
#include "hub/door/page.h"

/* ---- am I seen? ---- */

static void what_to_do(struct api_call *call)
{
	static const char *const en[] = {
		"Find every device at your place that is on the Internet: router, cameras, "
		"recorders, television, game consoles, computers, telephones.",
		"Switch each off for ten seconds and on again: much of this malware does not "
		"survive that. It comes back unless you go on with the next steps.",
		"Bring the device's software up to date from its maker's page. A device that gets "
		"no updates any more should be replaced.",
		"Change its password to a long one that you use nowhere else; never keep the one "
		"it came with.",
		"On the router, switch off remote access (Telnet, SSH, web from outside) and UPnP "
		"unless you need them.",
		"On computers, run a full scan with up-to-date security software.",
		"Come back in a week. If the address is still seen, ask your provider or the "
		"device's maker for help.",
	};
	static const char *const ja[] = {
		"インターネットにつながる機器をすべて確かめます: ルーター、カメラ、録画機、"
		"テレビ、ゲーム機、パソコン、電話。",
		"一台ずつ電源を10秒切って入れ直します。この種のマルウェアの多くは消えますが、"
		"次の手順を行わないと再び感染します。",
		"メーカーのページから最新のソフトウェア(ファームウェア)に更新します。"
		"更新が終了した機器は買い替えてください。",
		"パスワードを、他で使っていない長いものに変えます。初期設定のまま使わないでください"
		"。",
		"ルーターの遠隔管理 (Telnet、SSH、外部からのウェブ) と UPnP は、"
		"必要がなければ無効にします。",
		"パソコンは、最新のセキュリティソフトで全体を検査します。",
		"一週間後にもう一度このページを開いてください。まだ観測される場合は、"
		"プロバイダーか機器のメーカーに相談してください。",
	};

	page_putf(call, "<h2>%s</h2><ol>", PAGE_TEXT(call, "What to do", "対処の手順"));
	for (size_t i = 0; i < HIN_COUNT(en); i++)
		page_putf(call, "<li>%s</li>", PAGE_TEXT(call, en[i], ja[i]));
	page_put(call, "</ol>");
}

static void seen_rows(struct api_call *call, const struct api_seen *seen)
{
	page_put(call, "<ul>");
	for (size_t i = 0; i < seen->count; i++) {
		page_put(call, "<li><b>");
		page_text(call,
			  strcmp(seen->rows[i].kind, "scanner") == 0
				  ? PAGE_TEXT(call, "It searched other addresses for openings",
					      "他のアドレスの入り口を探す通信 (スキャン)")
				  : PAGE_TEXT(call,
					      "A device behind it behaves as infected ones do",
					      "感染した機器に見られる通信"));
		page_put(call, "</b><br>");
		page_time(call, seen->rows[i].first_us);
		page_put(call, " – ");
		page_time(call, seen->rows[i].last_us);
		page_put(call, "</li>");
	}
	page_put(call, "</ul>");
}

void page_seen(struct api_call *call)
{
	struct hin_error err = { 0 };
	struct api_seen seen;
	char address[HIN_ADDR_TEXT];
	enum hin_code code = api_look_seen(call, &seen, &err);

	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	hin_addr_format(&seen.address, address);
	page_begin(call, PAGE_TEXT(call, "Am I seen?", "私のアドレスは?"), "/seen");
	page_putf(call, "<p>%s <b class=\"address\">%s</b></p>",
		  PAGE_TEXT(call, "You come from", "お使いのアドレス:"), address);
	if (seen.count > 0) {
		page_putf(call, "<p class=\"say bad\">%s</p>",
			  PAGE_TEXT(call,
				    "Yes: attacks from this address were seen in the last 7 days.",
				    "はい。このアドレスからの攻撃が、過去7日間に観測されました。"));
		seen_rows(call, &seen);
	} else {
		page_putf(call, "<p class=\"say good\">%s</p>",
			  PAGE_TEXT(call,
				    "No: no attack from this address was seen in the last 7 days.",
				    "いいえ。このアドレスからの攻撃は、過去7日間に観測されていませ"
				    "ん。"));
	}
	page_putf(
		call, "<p>%s</p>",
		PAGE_TEXT(
			call,
			"An address may be shared by many, or have been somebody else's a few "
			"days ago: what was seen may be a neighbour's device. And not everything "
			"can be seen from here: a \"no\" is no proof that all is well.",
			"アドレスは多くの人が共有していたり、数日前まで別の人が使っていたりします。"
			"観測されたのは近隣の機器かもしれません。また、ここからすべてが見えるわけで"
			"は"
			"ないので、「いいえ」は安全の証明ではありません。"));
	if (seen.count > 0)
		what_to_do(call);
	page_putf(call, "<p class=\"small\">%s</p>",
		  PAGE_TEXT(call,
			    "Only the address of your own connection is looked up, and that you "
			    "asked is "
			    "not kept.",
			    "調べるのは接続元のアドレスだけです。問い合わせの記録は残しません。"));
	page_end(call);
}

/* ---- is this notice real? ---- */

static void verify_answer(struct api_call *call, const char *typed)
{
	struct hin_notice_check check;
	struct hin_buffer text = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = hin_notice_verify(call->desk, typed, &check, &err);

	if (code == HIN_OK) {
		page_putf(call, "<p class=\"say good\">%s</p><pre>",
			  PAGE_TEXT(call, "Yes: this hub made that notice.",
				    "はい。この通知は当ハブが作成したものです。"));
		hin_notice_verify_text(&check, call->lang, &text);
		page_text(call, hin_buffer_text(&text));
		page_put(call, "</pre>");
		hin_buffer_fini(&text);
	} else if (code == HIN_ENOENT) {
		page_putf(
			call, "<p class=\"say bad\">%s</p>",
			PAGE_TEXT(
				call,
				"No: no notice of this hub has that code. If one came to you "
				"with it, it is not from here: do not follow its links.",
				"いいえ。このコードの通知は当ハブにありません。届いた通知は当ハブの"
				"ものではありません。中のリンクを開かないでください。"));
	} else {
		page_putf(call, "<p class=\"say bad\">%s</p>",
			  PAGE_TEXT(call, "That is no code of a notice: look for a slip.",
				    "通知のコードの形ではありません。入力を確かめてください。"));
	}
}

void page_verify(struct api_call *call)
{
	const char *typed = api_query(call, "code");

	page_begin(call, PAGE_TEXT(call, "Is this notice real?", "通知の確認"), "/verify");
	if (typed != NULL && typed[0] != '\0')
		verify_answer(call, typed);
	page_putf(call,
		  "<form method=\"get\" action=\"/verify\"><label>%s"
		  "<input name=\"code\" required autocomplete=\"off\" maxlength=\"32\" "
		  "placeholder=\"XXXX-XXXX-XXXX\" value=\"",
		  PAGE_TEXT(call, "The code on the notice", "通知に記載のコード"));
	page_text(call, typed != NULL ? typed : "");
	page_putf(call, "\"></label><button>%s</button></form>",
		  PAGE_TEXT(call, "Check", "確認する"));
	page_end(call);
}
