/*
 * Which of these texts are alike? In C, with pkg-config:
 *
 *     cc similarity.c $(pkg-config --cflags --libs rag_factory) -o similarity
 *     ./similarity sentence-transformers/all-MiniLM-L6-v2
 */
#include <rag_factory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float dot(const float *a, const float *b, size_t dim)
{
    float sum = 0;

    for (size_t d = 0; d < dim; d++)
        sum += a[d] * b[d];
    return sum;
}

int main(int argc, char **argv)
{
    static const char *const sentences[] = {"The cat sits on the mat.", "A cat is sitting on a mat.",
                                            "Python is a programming language."};
    enum { N = sizeof sentences / sizeof sentences[0] };
    rf_text texts[N];
    rf_model *model = NULL;
    float *vectors = NULL;
    rf_error err;
    size_t dim;
    int exit_code = 1;

    if (rf_model_open(argc > 1 ? argv[1] : "sentence-transformers/all-MiniLM-L6-v2", NULL, &model, &err) != RF_OK)
        goto failed;
    dim = rf_model_dim(model);
    vectors = malloc(N * dim * sizeof *vectors);
    if (vectors == NULL)
        goto out;
    for (size_t i = 0; i < N; i++)
        texts[i] = (rf_text){sentences[i], strlen(sentences[i])};
    if (rf_embed_documents(model, texts, N, vectors, N * dim, &err) != RF_OK)
        goto failed;
    for (size_t i = 0; i < N; i++) /* the vectors have length 1: their product is the cosine */
        for (size_t k = i + 1; k < N; k++)
            printf("%.3f  %s | %s\n", dot(vectors + i * dim, vectors + k * dim, dim), sentences[i], sentences[k]);
    exit_code = 0;
    goto out;
failed:
    fprintf(stderr, "%s\n", err.message);
out:
    free(vectors);
    rf_model_free(model);
    return exit_code;
}
