#include "engine/crypto/libcrypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *provider;

bool libcrypto_start(void)
{
    /* Before all else: in spite of its own library context libcrypto would read openssl.cnf. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return false;
    if (!context)
        context = OSSL_LIB_CTX_new();
    if (context && !provider)
        provider = OSSL_PROVIDER_load(context, "default");
    return provider;
}

OSSL_LIB_CTX *libcrypto_context(void)
{
    return context;
}

void *libcrypto_provider_context(void)
{
    return OSSL_PROVIDER_get0_provider_ctx(provider);
}

/* Looks for a name in an algorithm's names, which stand in one text with ':' between them. */
static bool has_name(const char *names, const char *wanted)
{
    size_t length = strlen(wanted);

    for (const char *name = names; name; name = strchr(name, ':')) {
        name += *name == ':';
        if (strncmp(name, wanted, length) == 0 && (name[length] == ':' || name[length] == '\0'))
            return true;
    }
    return false;
}

static libcrypto_function *find_function(const OSSL_DISPATCH *table, int function)
{
    for (; table->function_id != 0; table++) {
        if (table->function_id == function)
            return table->function;
    }
    return NULL;
}

libcrypto_function *libcrypto_find(int operation, const char *algorithm, int function)
{
    int no_cache;
    const OSSL_ALGORITHM *entry = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);

    for (; entry && entry->algorithm_names; entry++) {
        if (has_name(entry->algorithm_names, algorithm))
            return find_function(entry->implementation, function);
    }
    return NULL;
}

void libcrypto_must(int success)
{
    if (success != 1)
        abort();
}
