/* no_net: net.h in a build without network (RF_NETWORK=OFF): what is in a cache is used, and no socket is opened. */
#include "net/net.h"

#include "base/mem.h"

rf_status rf__net_open(const struct logger *logger, bool (*keep_going)(void *user), void *user, struct net **out,
                       rf_error *err)
{
    (void)logger;
    (void)keep_going;
    (void)user;
    (void)out;
    return rf__fail(err, RF_NETWORK,
                    "it is not in the cache, and this library was built without network; please bring the model into "
                    "the cache with one that has it, or give a model directory");
}

void rf__net_close(struct net *net)
{
    (void)net;
}

void rf__net_watch(struct net *net, bool (*keep_going)(void *user), void *user)
{
    (void)net;
    (void)keep_going;
    (void)user;
}

rf_status rf__net_fetch(struct net *net, const struct net_request *request, struct net_response *response,
                        rf_error *err)
{
    (void)request;
    *response = (struct net_response){.outcome = NET_FAILED};
    return rf__net_open(NULL, NULL, NULL, &net, err);
}

void rf__net_response_release(struct net_response *response)
{
    (void)response;
}

char *rf__net_escape(const char *text, bool keep_slash)
{
    (void)keep_slash;
    return rf__strdup(text);
}

char *rf__net_printable(const char *url)
{
    return rf__strdup(url);
}
