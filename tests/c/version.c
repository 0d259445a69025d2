/* Header and library are of one version, in every way it can be read. */
#include "check.h"

#if SKEP_VERSION_NUMBER != SKEP_VERSION_MAJOR * 10000 + SKEP_VERSION_MINOR * 100 + SKEP_VERSION_PATCH
#error "the whole number is not made of its parts"
#endif

int main(void)
{
    char parts[64];
    unsigned major = 0, minor = 0, patch = 0;
    unsigned long number;

    snprintf(parts, sizeof parts, "%d.%d.%d", SKEP_VERSION_MAJOR, SKEP_VERSION_MINOR, SKEP_VERSION_PATCH);
    CHECK(strcmp(parts, SKEP_VERSION) == 0);
    CHECK(strcmp(parts, skep_version()) == 0);

    CHECK(sscanf(skep_version(), "%u.%u.%u", &major, &minor, &patch) == 3);
    CHECK(major == SKEP_VERSION_MAJOR);
    CHECK(minor == SKEP_VERSION_MINOR);
    CHECK(patch == SKEP_VERSION_PATCH);
    number = (unsigned long)major * 10000 + minor * 100 + patch;
    CHECK(number == SKEP_VERSION_NUMBER);

    CHECK(skep_abi_version() == SKEP_ABI_VERSION);
    say("version %s number %lu", skep_version(), number);
    return 0;
}
