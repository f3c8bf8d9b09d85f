#ifndef PLIMSOLL_CLIBCURL_SHIM_H
#define PLIMSOLL_CLIBCURL_SHIM_H

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

// Swift cannot call variadic functions, so each type of argument of the setters and getters has its own function here.

typedef size_t (*clibcurl_data_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode clibcurl_set_long(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }

static inline CURLcode clibcurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) { return curl_easy_setopt(easy, option, value); }

static inline CURLcode clibcurl_set_string(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }

static inline CURLcode clibcurl_set_pointer(CURL *easy, CURLoption option, void *value) { return curl_easy_setopt(easy, option, value); }

static inline CURLcode clibcurl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) { return curl_easy_setopt(easy, option, value); }

static inline CURLcode clibcurl_set_callback(CURL *easy, CURLoption option, clibcurl_data_callback value) {
    return curl_easy_setopt(easy, option, value);
}

/// Whether to connect to an address, of 4 or 16 bytes in network order.
typedef int (*clibcurl_address_check)(const void *address, size_t count);

static inline curl_socket_t clibcurl_open_checked(void *check, curlsocktype purpose, struct curl_sockaddr *address) {
    clibcurl_address_check is_allowed = (clibcurl_address_check)check;
    int allowed = 0;
    if (purpose == CURLSOCKTYPE_IPCXN && address->family == AF_INET) {
        allowed = is_allowed(&((struct sockaddr_in *)&address->addr)->sin_addr, 4);
    } else if (purpose == CURLSOCKTYPE_IPCXN && address->family == AF_INET6) {
        allowed = is_allowed(&((struct sockaddr_in6 *)&address->addr)->sin6_addr, 16);
    }
    return allowed ? socket(address->family, address->socktype, address->protocol) : CURL_SOCKET_BAD;
}

/// Sockets are opened to addresses that pass only, whatever a name resolves to.
static inline CURLcode clibcurl_set_address_check(CURL *easy, clibcurl_address_check check) {
    CURLcode result = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, clibcurl_open_checked);
    return result == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, (void *)check) : result;
}

/// The bytes are copied by libcurl.
static inline CURLcode clibcurl_set_blob(CURL *easy, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, &blob);
}

static inline CURLcode clibcurl_get_long(CURL *easy, CURLINFO info, long *value) { return curl_easy_getinfo(easy, info, value); }

static inline CURLcode clibcurl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) { return curl_easy_getinfo(easy, info, value); }

static inline CURLcode clibcurl_get_pointer(CURL *easy, CURLINFO info, void **value) { return curl_easy_getinfo(easy, info, value); }

static inline CURLMcode clibcurl_multi_set_long(CURLM *multi, CURLMoption option, long value) { return curl_multi_setopt(multi, option, value); }

static inline CURLcode clibcurl_message_result(const CURLMsg *message) { return message->data.result; }

static inline size_t clibcurl_write_pause(void) { return CURL_WRITEFUNC_PAUSE; }

static inline size_t clibcurl_read_pause(void) { return CURL_READFUNC_PAUSE; }

static inline size_t clibcurl_read_abort(void) { return CURL_READFUNC_ABORT; }

#endif
