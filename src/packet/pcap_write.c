#include "base/bytes.h"
#include "packet/capture.h"

void hin_pcap_write_header(uint8_t out[HIN_PCAP_HEADER_SIZE], uint32_t snap_length, uint16_t link)
{
	struct hin_writer w = hin_writer_of(out, HIN_PCAP_HEADER_SIZE);

	hin_write_le32(&w, 0xa1b23c4d); /* nanoseconds */
	hin_write_le16(&w, 2);
	hin_write_le16(&w, 4);
	hin_write_le64(&w, 0); /* time zone and accuracy: always 0 */
	hin_write_le32(&w, snap_length);
	hin_write_le32(&w, link);
}

void hin_pcap_write_record(uint8_t out[HIN_PCAP_RECORD_SIZE], int64_t time_ns, uint32_t size,
			   uint32_t length)
{
	struct hin_writer w = hin_writer_of(out, HIN_PCAP_RECORD_SIZE);
	int64_t seconds = time_ns / 1000000000, nanos = time_ns % 1000000000;

	/* the format holds 1970 to 2106 */
	if (time_ns < 0)
		seconds = nanos = 0;
	if (seconds > UINT32_MAX) {
		seconds = UINT32_MAX;
		nanos = 999999999;
	}
	hin_write_le32(&w, (uint32_t)seconds);
	hin_write_le32(&w, (uint32_t)nanos);
	hin_write_le32(&w, size);
	hin_write_le32(&w, length);
}
