/* Cosines of two vectors, of such that have none too. */
#include "golden.h"

#include "base/cosine.h"

static void test_cosines(void **state)
{
    static const struct {
        float a[2], b[2];
        double cosine;
    } cases[] = {
        {{1, 0}, {2, 0}, 1},
        {{1, 0}, {0, 3}, 0},
        {{1, 1}, {-1, -1}, -1},
        {{3, 4}, {4, 3}, 0.96},
        {{0, 0}, {0, 0}, 1},
        {{0, 0}, {1, 0}, 0},
        {{1, 0}, {0, 0}, 0},
        {{NAN, 1}, {1, 1}, 0},
        {{1, 1}, {1, NAN}, 0},
        {{INFINITY, 1}, {1, 1}, 0},
        {{NAN, 0}, {0, 0}, 0},
        {{1e30F, 1e30F}, {1e30F, 1e30F}, 1},
        {{0.1F, 0.3F}, {0.1F, 0.3F}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double cosine = rf__cosine(cases[i].a, cases[i].b, 2);
        if (!(fabs(cosine - cases[i].cosine) < 1e-15 && cosine <= 1))
            fail_msg("case %zu: %.17g, expected %.17g", i, cosine, cases[i].cosine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cosines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
