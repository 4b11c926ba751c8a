/* api_table - every route of the door: routing, checks and the tests of roles come from here */
#include "hub/door/api_priv.h"

#define PART(name)                                                                                 \
	{                                                                                          \
		name##_routes, &name##_route_count                                                 \
	}

const struct api_routes api_tables[] = {
	PART(api_public),  PART(api_people),	PART(api_account), PART(api_case),
	PART(api_read),	   PART(api_directory), PART(api_query),   PART(api_ledger),
	PART(api_event),   PART(api_page),	PART(api_app),	   PART(api_lease),
	PART(api_sensor),  PART(api_authority), PART(api_rule),	   PART(api_export),
	PART(api_silence), PART(api_word),	PART(api_tile),	   PART(api_owner),
	PART(api_view),	   PART(api_setting),	PART(api_notice),  PART(api_sensor_time),
	PART(api_report),  PART(api_decoy),
};
const size_t api_table_count = HIN_COUNT(api_tables);
