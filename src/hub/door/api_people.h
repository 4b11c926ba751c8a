/* api_people - signing in and the like, for the API and the plain page. */
#pragma once
#include "hub/door/api_priv.h"

/* What came of a sign-in. */
enum api_sign_in {
	API_SIGNED_IN,	     /* the cookie is set */
	API_CODE_NEEDED,     /* name and password are right */
	API_NOT_SO,	     /* name, password or code is wrong, or the account may not */
	API_SIGN_IN_REFUSED, /* the call was refused */
};

/*
 * Sign in by the body's "name", "password" and "code", or by the one-time "link" and a new
 * "password". In API_LANE_PASSWORD only.
 */
enum api_sign_in api_sign_in(struct api_call *call, char csrf[HIN_SECRET_TEXT]);
enum api_sign_in api_use_link(struct api_call *call, char csrf[HIN_SECRET_TEXT]);

/* Before it waits: from this site, and not too often for one name. */
bool api_sign_in_gate(struct api_call *call);

/*
 * Is "present" of the body a code of the second factor that the account has now, if it has one?
 * It is used then; else the call is refused.
 */
bool api_proves_factor(struct api_call *call);

/* Guesses at one's own secrets, by somebody at a screen left alone, are few. */
bool api_code_gate(struct api_call *call);

/* End the session that asks, and clear its cookie. */
void api_end_session(struct api_call *call);

/* Change the password: the body's "password" (now) and "new". False when refused. */
bool api_change_password(struct api_call *call);

/* The token of a session as text. */
void api_csrf_text(char out[HIN_SECRET_TEXT], const uint8_t csrf[32]);

/* Answer with the sessions or tokens of an account, as a list called `name`. */
void api_list_credentials(struct api_call *call, int64_t account, enum hin_credential_kind kind,
			  const char *name);
