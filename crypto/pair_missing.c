#include "crypto/pair_tier.h"
static int no(void){return 0;}
const struct pair_tier __attribute__((weak)) pair_tier_avx2={.name="avx2",.lanes=1,.radix_bits=64,.digit_multiple=1,.available=no};
const struct pair_tier __attribute__((weak)) pair_tier_ifma={.name="ifma",.lanes=1,.radix_bits=64,.digit_multiple=1,.available=no};
