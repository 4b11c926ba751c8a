/* api_act - a change and the act about it, in one transaction of the desk */
#include "hub/door/api_priv.h"

bool api_note_act(struct api_call *call, uint16_t kind, const char *object, int64_t *id)
{
	const struct hin_desk_act act = { .time_us = call->now_us,
					  .account = call->who.account.id,
					  .kind = kind,
					  .object = object };
	struct hin_error err = { 0 };
	struct hin_desk *desk = NULL;
	enum hin_code code = hin_desk_open(&desk, call->api->settings.desk, HIN_DESK_WRITE, &err);

	if (code == HIN_OK)
		code = hin_desk_begin(desk, &err);
	if (code == HIN_OK)
		code = hin_desk_act(desk, &act, id, &err);
	if (code == HIN_OK)
		code = hin_desk_commit(desk, &err);
	hin_desk_close(desk);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return false;
	}
	if (call->api->settings.changed != NULL)
		call->api->settings.changed(call->api->settings.user);
	return true;
}

bool api_do_act(struct api_call *call, uint16_t kind, api_change_fn change, void *user)
{
	return api_do_act_under(call, kind, NULL, change, user);
}

bool api_do_act_under(struct api_call *call, uint16_t kind, const uint8_t authority[32],
		      api_change_fn change, void *user)
{
	struct hin_desk_act act = { .time_us = call->now_us,
				    .account = call->who.account.id,
				    .kind = kind,
				    .authority = authority };
	struct hin_buffer object = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = hin_desk_begin(call->desk, &err);

	hin_buffer_putc(&object, '{');
	if (code == HIN_OK && change != NULL)
		code = change(call, user, &object, &err);
	hin_buffer_putc(&object, '}');
	if (code == HIN_OK && object.failed)
		code = hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	act.object = hin_buffer_text(&object);
	if (code == HIN_OK)
		code = hin_desk_act(call->desk, &act, NULL, &err);
	if (code == HIN_OK)
		code = hin_desk_commit(call->desk, &err);
	else
		hin_desk_rollback(call->desk);
	hin_buffer_fini(&object);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}
