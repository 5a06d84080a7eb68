/* answers: see answers.h. */
#include "provider/answers.h"

#include "base/mem.h"

bool rf__answers_allocate(struct answers *answers, size_t n, size_t dim)
{
    size_t numbers;

    answers->vectors = rf__mul(n, dim, &numbers) ? rf__alloc_array(numbers, sizeof *answers->vectors) : NULL;
    answers->n_tokens = rf__calloc(n, sizeof *answers->n_tokens);
    answers->n_windows = rf__calloc(n, sizeof *answers->n_windows);
    answers->truncated = rf__calloc(n, sizeof *answers->truncated);
    answers->done = rf__calloc(n, sizeof *answers->done);
    return answers->vectors != NULL && answers->n_tokens != NULL && answers->n_windows != NULL &&
           answers->truncated != NULL && answers->done != NULL;
}

void rf__answers_release(struct answers *answers)
{
    rf__free(answers->vectors);
    rf__free(answers->n_tokens);
    rf__free(answers->n_windows);
    rf__free(answers->truncated);
    rf__free(answers->done);
}
