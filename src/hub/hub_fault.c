/*
 * hub_fault: see hub_fault.h. The hub tells its reasons in X-Error-Code and X-Error-Message (huggingface_hub's
 * hf_raise_for_status). To somebody without a token a repository that does not exist is a 401, like a private one.
 */
#include "hub/hub_fault.h"

#include "base/mem.h"

#include <string.h>

static bool is_code(const struct net_response *response, const char *code)
{
    return response->error_code != NULL && strcmp(response->error_code, code) == 0;
}

static const char *host_of(const struct net_response *response)
{
    return response->host != NULL ? response->host : "the hub";
}

static rf_status gated(const struct download *download, const char *endpoint, const struct net_response *response,
                       rf_error *err)
{
    if (download->env->token == NULL)
        return rf__fail(err, RF_NETWORK,
                        "the hub answered %ld (the model is gated). Please ensure that you accept its terms at %s/%s, "
                        "then set HF_TOKEN to a token of your account",
                        response->status, endpoint, download->name);
    return rf__fail(err, RF_NETWORK,
                    "the hub answered %ld (the model is gated, and the account of your token has no access). Please "
                    "ensure that you ask for access at %s/%s",
                    response->status, endpoint, download->name);
}

static rf_status not_found(const struct download *download, const char *path, const struct net_response *response,
                           rf_error *err)
{
    if (is_code(response, "RevisionNotFound"))
        return rf__fail(
            err, RF_NOT_FOUND,
            "the hub answered 404 (the repository has no revision '%s'). Please ensure that the branch, tag "
            "or commit exists, or leave it out",
            download->revision);
    if (path != NULL && !is_code(response, "RepoNotFound"))
        return rf__fail(err, RF_NOT_FOUND,
                        "%s answered 404 for the file '%s'. Please ensure that the repository has it at revision '%s'",
                        host_of(response), path, download->revision);
    return rf__fail(err, RF_NOT_FOUND,
                    "%s answered 404 (repository not found). Please ensure that the name is right, or set HF_TOKEN if "
                    "it is private",
                    response->error_code != NULL ? "the hub" : host_of(response));
}

static rf_status unauthorized(const struct download *download, const char *endpoint,
                              const struct net_response *response, rf_error *err)
{
    const char *message = response->error_message;

    if (download->env->token != NULL && message != NULL && strstr(message, "Invalid credentials") != NULL)
        return rf__fail(err, RF_NETWORK,
                        "the hub answered 401 (it does not know the token). Please ensure that HF_TOKEN, or the token "
                        "file of your login, is right and not expired: see %s/settings/tokens",
                        endpoint);
    if (is_code(response, "RepoNotFound") || response->error_code == NULL)
        return rf__fail(err, RF_NOT_FOUND,
                        "the hub answered 401 (no such repository, or a private one). Please ensure that the name is "
                        "right, or set HF_TOKEN if it is private");
    return rf__fail(err, RF_NETWORK, "the hub answered 401 (%s). Please ensure that HF_TOKEN is set to a valid token",
                    message != NULL ? message : "unauthorized");
}

rf_status rf__hub_fault(const struct download *download, const char *path, const struct net_response *response,
                        int attempts, rf_error *err)
{
    char *printable = rf__net_printable(download->env->endpoint);
    const char *endpoint = printable != NULL ? printable : "the hub";
    size_t len = printable != NULL ? strlen(printable) : 0;
    const char *tried = attempts > 1 ? ", each time we tried" : "";
    rf_status status;

    if (len > 0 && printable[len - 1] == '/')
        printable[len - 1] = '\0';
    if (is_code(response, "GatedRepo"))
        status = gated(download, endpoint, response, err);
    else if (response->status == 404)
        status = not_found(download, path, response, err);
    else if (response->status == 401)
        status = unauthorized(download, endpoint, response, err);
    else if (response->status == 403)
        status = rf__fail(err, RF_NETWORK,
                          "%s answered 403 (%s). Please ensure that your token may read the repository and that no "
                          "proxy forbids it",
                          host_of(response), response->error_message != NULL ? response->error_message : "forbidden");
    else if (response->status == 429)
        status =
            rf__fail(err, RF_NETWORK,
                     "%s answered 429 (too many requests%s). Please ensure that fewer run at once, try again later, "
                     "or set HF_TOKEN, which has a higher limit",
                     host_of(response), tried);
    else if (response->status == 407)
        status = rf__fail(err, RF_NETWORK,
                          "the proxy answered 407. Please ensure that HTTPS_PROXY holds its user and password");
    else
        status =
            rf__fail(err, RF_NETWORK, "%s answered %ld (%s%s). Please try again later, or set HF_ENDPOINT to a mirror",
                     host_of(response), response->status,
                     response->status >= 500 ? "it has a fault" : "which we did not expect", tried);
    rf__free(printable);
    return status;
}

rf_status rf__hub_fault_html(const struct net_response *response, rf_error *err)
{
    return rf__fail(err, RF_NETWORK,
                    "%s answered with a web page instead of the file, as the login page of a network or a proxy does. "
                    "Please ensure that this machine reaches the hub: log in to the network, or set HTTPS_PROXY",
                    host_of(response));
}
