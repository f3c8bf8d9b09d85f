// What is copied into memory that a file stands behind.

#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

// Where this thread goes on when the file behind its memory fails it.
static _Thread_local sigjmp_buf *way_out;
static struct sigaction earlier;

static void bus_error(int signal, siginfo_t *info, void *context) {
    if (way_out) siglongjmp(*way_out, 1);
    // Not ours: what stood here before takes it, when the instruction is tried again.
    (void)info, (void)context;
    sigaction(signal, &earlier, NULL);
}

static void watch(void) {
    struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaction(SIGBUS, &action, &earlier);
}

void cplatform_watch_mapped_memory(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
}

int cplatform_publish(void *place, const void *bytes, size_t count) {
    sigjmp_buf here;
    // The mask is not saved: the handler runs with its signal open.
    if (sigsetjmp(here, 0)) {
        way_out = NULL;
        return EIO;
    }
    way_out = &here;
    volatile char *target = place;
    target[count] = 0;
    memcpy((char *)place + 1, (const char *)bytes + 1, count - 1);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    target[0] = *(const char *)bytes;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    way_out = NULL;
    return 0;
}
