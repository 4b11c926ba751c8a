/* api_settings - settings for people to read: the hub's, and those that its sensors run */
#include "base/escape.h"
#include "hub/door/api_priv.h"
#include "trust/ca.h"
#include "trust/settings.h"

static void handle_settings(struct api_call *call)
{
	const struct hin_api_settings *s = &call->api->settings;

	hin_buffer_puts(&call->out, "{\"settings\":[");
	if (s->write_settings != NULL)
		s->write_settings(s->user, &call->out);
	hin_buffer_puts(&call->out, "]}\n");
}

static void write_list(struct hin_buffer *out, const char *name, const struct hin_config_list *list)
{
	api_open(out, name, '[');
	for (size_t i = 0; i < list->count; i++) {
		api_comma(out);
		hin_escape_json(out, list->items[i], strlen(list->items[i]));
	}
	hin_buffer_putc(out, ']');
}

/* Keys of digests are never told: that there are some is. */
static void write_settings(struct hin_buffer *out, const struct hin_sensor_settings *s)
{
	api_open(out, "settings", '{');
	api_number(out, "version", (int64_t)s->version);
	api_time(out, "date", s->date_s * 1000000);
	api_text(out, "signer", s->signer);
	write_list(out, "members", &s->members);
	write_list(out, "exclusions", &s->exclusions);
	write_list(out, "thresholds", &s->thresholds);
	api_bool(out, "digest_key", s->has_digest_key);
	api_bool(out, "digest_previous", s->has_digest_previous);
	hin_buffer_putc(out, '}');
}

static void handle_sensor_settings(struct api_call *call)
{
	struct hin_api *api = call->api;
	struct hin_sensor_settings settings = { 0 };
	struct hin_buffer note = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = HIN_ENOENT;

	pthread_mutex_lock(&api->trust_lock);
	if (api->ca != NULL)
		code = hin_ca_settings(api->ca, &note, &err);
	if (code == HIN_OK)
		code = hin_sensor_settings_open(&settings, note.data, note.used,
						hin_ca_settings_key(api->ca), 1, &err);
	pthread_mutex_unlock(&api->trust_lock);
	if (code == HIN_OK || code == HIN_ENOENT) {
		api_open(&call->out, NULL, '{');
		if (code == HIN_OK)
			write_settings(&call->out, &settings);
		else
			api_text_or_null(&call->out, "settings", NULL);
		/* the key that signs lies encrypted in the CA's folder, out of the hub's reach here
		 */
		api_text(&call->out, "sign",
			 "settings are signed on the command line, where the key is: hinomi trust "
			 "settings sign FILE");
		api_text(&call->out, "sign_ja",
			 "設定への署名は、鍵のあるコマンドラインで行う: hinomi trust settings sign "
			 "FILE");
		hin_buffer_puts(&call->out, "}\n");
	} else {
		api_refuse_code(call, code, &err);
	}
	if (note.data != NULL)
		explicit_bzero(note.data, note.used);
	hin_buffer_fini(&note);
	hin_sensor_settings_fini(&settings);
}

#define V "/api/v1"
#define LOOK API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ

const struct api_route api_setting_routes[] = {
	{ "GET", V "/settings", API_ADMINISTRATOR | API_INSPECTOR | API_OPERATOR, HIN_SCOPE_READ,
	  API_RATE_PLAIN, API_LANE_READ, "listSettings", "", 0, handle_settings, NULL },
	{ "GET", V "/settings/sensors", LOOK, "getSensorSettings", "", 0, handle_sensor_settings,
	  NULL },
};
const size_t api_setting_route_count = HIN_COUNT(api_setting_routes);
