/* Preparations kept in memory. */
#ifndef HEFU_KIT_MEMORY_H
#define HEFU_KIT_MEMORY_H

#include "crypto/wire.h"
#include "training/preparation.h"

/* Appends to w; takes from r. */
struct byte_sink memory_sink(struct wire_writer *w);
struct byte_source memory_source(struct wire_reader *r);

#endif
