/* ssh - the service type of SSH; see ssh_priv.h */
#include <stdlib.h>

#include "decoy/ssh/ssh_priv.h"
#include "observe/registry.h"

static void *ssh_open(struct hin_session *session)
{
	const struct hin_host *host = hin_session_host(session);
	struct ssh_connection *c = calloc(1, sizeof(*c));
	int64_t now_us = hin_session_now_us(session);

	if (c == NULL)
		return NULL;
	c->session = session;
	c->profile = hin_persona_ssh(host->persona);
	if (c->profile != NULL)
		c->hostkeys = hin_ssh_hostkeys_of(host, (unsigned)c->profile->rsa_bits);
	if (c->hostkeys == NULL) {
		free(c);
		return NULL;
	}
	c->dropbear = c->profile->like == HIN_SSH_LIKE_DROPBEAR;
	c->initial = true;
	/* before the log-in: transport and key exchange alone */
	ssh_dispatch_range(c, 1, SSH_KEX_LAST, SSH_ON_KEX_UNKNOWN);
	if (c->dropbear)
		ssh_dropbear_awaits(c);
	c->dispatch[SSH_KEXINIT] = SSH_ON_KEXINIT;
	c->deadline_us = c->profile->login_grace_ns > 0
				 ? now_us + c->profile->login_grace_ns / HIN_NS_PER_US
				 : HIN_SERVICE_NEVER;
	if (c->profile->greeting_ns > 0)
		ssh_wait(c, now_us + c->profile->greeting_ns / HIN_NS_PER_US, ssh_greet);
	else
		ssh_greet(c);
	return c;
}

static void ssh_receive(void *self, const uint8_t *data, size_t size)
{
	ssh_input(self, data, size);
}

static void ssh_end(void *self)
{
	struct ssh_connection *c = self;

	c->ended = true;
	if (c->resume == NULL)
		ssh_close(c, HIN_CLOSE_CLIENT);
}

static int64_t ssh_run(void *self, int64_t now_us)
{
	struct ssh_connection *c = self;
	int64_t due = HIN_SERVICE_NEVER;

	if (hin_session_is_over(c->session))
		return HIN_SERVICE_NEVER;
	if (!c->authenticated && now_us >= c->deadline_us) {
		ssh_close(c, HIN_CLOSE_TIMEOUT);
		return HIN_SERVICE_NEVER;
	}
	if (c->resume != NULL && now_us >= c->due_us) {
		void (*resume)(struct ssh_connection *) = c->resume;

		c->resume = NULL;
		resume(c);
		if (!hin_session_is_over(c->session) && c->resume == NULL)
			ssh_process(c);
		if (!hin_session_is_over(c->session) && c->resume == NULL && c->ended)
			ssh_close(c, HIN_CLOSE_CLIENT);
	}
	if (!hin_session_is_over(c->session) && c->authenticated) {
		due = ssh_channels_run(c, now_us);
		if (!hin_session_is_over(c->session))
			ssh_check_rekey(c);
	}
	if (hin_session_is_over(c->session))
		return HIN_SERVICE_NEVER;
	if (c->resume != NULL && c->due_us < due)
		due = c->due_us;
	if (!c->authenticated && c->deadline_us < due)
		due = c->deadline_us;
	return due;
}

static void ssh_close_connection(void *self)
{
	struct ssh_connection *c = self;

	ssh_channels_free(c);
	ssh_auth_free(c);
	ssh_kex_free(c);
	hin_buffer_fini(&c->in);
	hin_buffer_fini(&c->queue);
	ssh_zlib_free(c->inflate);
	ssh_zlib_free(c->deflate);
	free(c->client_identification);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

const struct hin_service_type hin_service_ssh = {
	.name = "ssh",
	.service = HIN_SERVICE_SSH,
	.open = ssh_open,
	.receive = ssh_receive,
	.end = ssh_end,
	.run = ssh_run,
	.close = ssh_close_connection,
};
