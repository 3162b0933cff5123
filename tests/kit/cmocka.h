/* cmocka with the headers it wants first. */
#ifndef HEFU_TEST_CMOCKA_H
#define HEFU_TEST_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
