/*
 * report_pictures - pictures filled by hand, for the tests of the reports.
 *
 * Each lies in static storage, made anew at each call; none is freed.
 */
#pragma once
#include "telescope/picture.h"

/* Forty minutes of a dark /16 with something of everything. */
const struct hin_picture *picture_of_all(void);

/* A quiet file: not one packet. */
const struct hin_picture *picture_of_nothing(void);

/* Names, numbers and times as an enemy would choose them. */
const struct hin_picture *picture_of_hostility(void);

/* A short laboratory recording; the dark size is unknown. */
const struct hin_picture *picture_of_recording(void);
