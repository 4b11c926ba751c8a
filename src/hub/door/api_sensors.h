/* api_sensors - what the files about sensors share. */
#pragma once
#include "hub/door/api_priv.h"
#include "hub/owners/directory.h"

/* The sensor's id of the path; false and 404 when it is none. */
bool api_path_sensor(struct api_call *call, uint8_t out[HIN_SENSOR_ID]);

/* Append "place", "latitude" and "longitude" of a sensor, null when nobody noted them. */
void api_write_place_of(struct api_call *call, const uint8_t id[HIN_SENSOR_ID]);
