/* mail_priv - what the files of mail share. */
#pragma once
#include "net/mail.h"

#define MAIL_EOL "\r\n"
#define MAIL_LINE 76 /* columns of encoded lines (RFC 2045, 6.7 and 6.8) */

/* Append `size` bytes as base64 in lines of MAIL_LINE, each ended by CR LF. */
void mail_put_base64(struct hin_buffer *out, const void *data, size_t size);

/* Append a detached signature (PKCS#7, DER, base64 in lines) over `size` bytes. */
HIN_MUST_USE enum hin_code mail_sign(struct hin_buffer *out, struct hin_mail_signer *signer,
				     const void *data, size_t size, int64_t time_s,
				     struct hin_error *err);
