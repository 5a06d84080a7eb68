/*
 * prompts: text that is put in front of every text, as config_sentence_transformers.json names it:
 *
 *     {"prompts": {"query": "query: ", "document": "passage: "}, "default_prompt_name": null}
 *
 * A model with tasks (jina-embeddings-v3) computes other vectors for each; a prompt's name is that of its task, which
 * config.json lists:
 *
 *     {"lora_adaptations": ["retrieval.query", "retrieval.passage", …], "task_instructions": {"retrieval.query": …}}
 *
 * In the reference both are said, encode(…, task=NAME, prompt_name=NAME).
 */
#ifndef RF_EMBED_PROMPTS_H
#define RF_EMBED_PROMPTS_H

#include "base/json.h"
#include "embed/embed.h"

/* Reads "prompts" and "default_prompt_name" of the file; `config` may be released when it fails. RF_BAD_FORMAT for a
 * default that names none. */
rf_status rf__prompts_read(const struct json *json, struct prompts *out, rf_error *err);
void rf__prompts_release(struct prompts *prompts); /* fine on a zeroed one */

/* Reads lora_adaptations of a config.json: each becomes a prompt with a task, the text that of the prompt that is
 * there, else of task_instructions, else "". */
rf_status rf__prompts_read_tasks(const struct json *json, struct prompts *prompts, rf_error *err);

/* Copies; RF_NO_MEMORY. *out is to be released in either case. */
rf_status rf__prompts_copy(const struct prompts *prompts, struct prompts *out, rf_error *err);

/* Adds "name=text" strings, ended by NULL (NULL: none), each in the place of the prompt of that name where there is
 * one. RF_INVALID_ARGUMENT for one without a '='. */
rf_status rf__prompts_override(struct prompts *prompts, const char *const *given, rf_error *err);

/* The prompt that a call uses, as encode, encode_query and encode_document of sentence-transformers choose it; "" when
 * none. RF_INVALID_ARGUMENT for a name that the model does not have; the message lists those that it has. Where there
 * are tasks, the roles are "retrieval.query" and "retrieval.passage", and *task is the prompt of the task, or NULL
 * where the options name none. */
rf_status rf__prompts_choose(const struct prompts *prompts, const rf_embed_options *options, const char **out,
                             const struct prompt **task, rf_error *err);

/* What a model with tasks computes for who names none: "text-matching", or the first. */
const struct prompt *rf__prompts_assumed_task(const struct prompts *prompts);

#endif
