#include "crypto/cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>

/* Processor state that the operating system saves on a switch (XCR0). */
enum {
    STATE_AVX = 0x06,    /* XMM, upper YMM                          */
    STATE_AVX512 = 0xe6, /* these, masks, upper ZMM, ZMM 16 and up  */
};

static int system_saves(unsigned state)
{
    unsigned a, b, c, d, low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
        return 0;
    /* The intrinsic needs -mxsave, which would let the compiler use it before this test. */
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & state) == state;
}

/* Leaf 7 has all of these features in EBX. */
static int processor_has(unsigned features)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & features) == features;
}

int cpu_has_avx2(void)
{
    return system_saves(STATE_AVX) && processor_has(bit_AVX2);
}

int cpu_has_ifma(void)
{
    return system_saves(STATE_AVX512) &&
           processor_has(bit_AVX512F | bit_AVX512DQ | bit_AVX512IFMA | bit_AVX512BW | bit_AVX512VL);
}

#else

int cpu_has_avx2(void)
{
    return 0;
}

int cpu_has_ifma(void)
{
    return 0;
}

#endif
