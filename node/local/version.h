#ifndef HEFU_VERSION_H
#define HEFU_VERSION_H

#define HEFU_VERSION "0.1.0"

#endif
