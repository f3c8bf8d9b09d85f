#define _GNU_SOURCE
#include "CReactor.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

// One thread's event loop waits on one epoll descriptor, and that loop is a library's. Sockets of ours are added to the same descriptor, and told
// apart by a bit that the library's data, a registration number above a descriptor, never has: the descriptor's sign. This program's `epoll_wait` stands in for the C
// library's: it is where the library waits, so that both kinds of sockets cost one call, and the library's own work goes on as ever.

static const uint64_t ours = UINT64_C(1) << 31;
enum { most = 512 };

struct turn {
    int epoll;
    void *context;
    creactor_dispatch dispatch;
    void (*release)(void *);
    /// Of `events`, those of ours that have not been handed over.
    int waiting;
    struct epoll_event events[most];
};

static __thread int last_epoll = -1;
static __thread struct turn *attached;
/// 0: not asked for since the last wait.
static __thread uint64_t turn_time;
static pthread_key_t ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void detach(void *memory) {
    struct turn *turn = memory;
    attached = NULL;
    turn_time = 0;
    turn->release(turn->context);
    free(turn);
}

static void make_key(void) { pthread_key_create(&ends, detach); }

int creactor_accept(int listening, void *address, unsigned int *size) {
    *size = sizeof(struct sockaddr_storage);
    return accept4(listening, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

uint64_t creactor_time(void) {
    if (turn_time != 0) return turn_time;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    uint64_t now = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    if (attached != NULL) turn_time = now;
    return now;
}

int creactor_epoll(void) { return last_epoll; }

void *creactor_context(void) { return attached == NULL ? NULL : attached->context; }

int creactor_attach(void *context, creactor_dispatch dispatch, void (*release)(void *)) {
    if (last_epoll < 0 || attached != NULL || pthread_once(&once, make_key) != 0) return -1;
    struct turn *turn = calloc(1, sizeof *turn);
    if (turn == NULL || pthread_setspecific(ends, turn) != 0) {
        free(turn);
        return -1;
    }
    turn->epoll = last_epoll;
    turn->context = context;
    turn->dispatch = dispatch;
    turn->release = release;
    attached = turn;
    return 0;
}

static void hand_over(struct turn *turn) {
    int count = turn->waiting;
    turn->waiting = 0;
    turn->dispatch(turn->context, turn->events, count);
}

// Ours stay in `turn`, the others go where the library wants them. What does not fit there is told again by the next call.
static int sort_events(struct turn *turn, int count, struct epoll_event *others, int capacity) {
    int found = 0;
    for (int index = 0; index < count; index++) {
        struct epoll_event event = turn->events[index];
        if (event.data.u64 & ours) turn->events[turn->waiting++] = event;
        else if (found < capacity) others[found++] = event;
    }
    return found;
}

int epoll_wait(int epoll, struct epoll_event *others, int capacity, int timeout) {
    last_epoll = epoll;
    struct turn *turn = attached;
    if (turn == NULL || turn->epoll != epoll) return epoll_pwait(epoll, others, capacity, timeout, NULL);
    if (turn->waiting > 0) {
        hand_over(turn);
        // It may have left the loop something to do.
        timeout = 0;
    }
    int count = epoll_pwait(epoll, turn->events, most, timeout, NULL);
    turn_time = 0;
    if (count <= 0) return count;
    int found = sort_events(turn, count, others, capacity);
    // The library must see its events before anything changes what they are about: where it has some, ours follow on its next call.
    if (found == 0) hand_over(turn);
    return found;
}
