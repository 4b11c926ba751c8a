/* telescope_metrics - counters for Prometheus in a file; see telescope_priv.h */
#include "base/file.h"
#include "base/log.h"
#include "cmd/telescope_priv.h"

static void put(struct hin_buffer *out, const char *name, const char *type, const char *help,
		uint64_t value)
{
	hin_buffer_printf(out,
			  "# HELP hinomi_telescope_%s %s\n# TYPE hinomi_telescope_%s %s\n"
			  "hinomi_telescope_%s %llu\n",
			  name, help, name, type, name, (unsigned long long)value);
}

void telescope_write_metrics(struct session *s)
{
	struct hin_buffer out = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	if (s->arguments.metrics == NULL)
		return;
	put(&out, "frames_total", "counter", "Frames read.", hin_telescope_frames(s->telescope));
	put(&out, "drops_total", "counter", "Packets that the kernel dropped.", s->drops_told);
	put(&out, "evidence_lost_total", "counter", "Packets that the vault could not keep.",
	    hin_telescope_evidence_lost(s->telescope));
	put(&out, "waiting", "gauge", "1 while the interface is down or gone.",
	    s->live != NULL && hin_live_waiting(s->live));
	put(&out, "dark_addresses", "gauge", "Size of the dark space.",
	    telescope_dark_addresses(&s->data));
	put(&out, "settings", "gauge", "Number of the hub's settings in force, 0 = none.",
	    s->rules.version);
	put(&out, "written_seconds", "gauge", "When this file was written, by the clock.",
	    (uint64_t)(hin_time_now_ns() / HIN_NS_PER_S));
	if (s->road != NULL)
		hin_road_metrics(s->road, &out);
	if (out.failed)
		code = hin_fail(&why, HIN_ENOMEM, "metrics");
	else
		code = hin_file_replace(s->arguments.metrics, out.data, out.used, 0644, &why);
	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "telescope.no_metrics",
				hin_log_text("error", why.text));
	hin_buffer_fini(&out);
}
