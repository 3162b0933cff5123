/* What vector instructions the processor has and the operating system saves. */
#ifndef HEFU_CPU_H
#define HEFU_CPU_H

/* 1 or 0; 0 on processors other than x86-64.  A name stands for all that its tier of pair arithmetic is compiled with:
 * avx2 is AVX and AVX2; ifma is AVX-512 F, DQ, BW, VL and IFMA. */
int cpu_has_avx2(void);
int cpu_has_ifma(void);

#endif
