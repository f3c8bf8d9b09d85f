#define _GNU_SOURCE
#include "CReactor.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// One thread's event loop waits on one epoll descriptor, and that loop is a library's. Sockets of ours are added to the same descriptor, and told
// apart by a bit that the library's data, a registration number above a descriptor, never has: the descriptor's sign. This program's `epoll_wait` stands in for the C
// library's: it is where the library waits, so that both kinds of sockets cost one call, and the library's own work goes on as ever.

static const uint64_t ours = UINT64_C(1) << 31;
enum { most = 512 };
/// Of the answers, as 65536 parts, how many of late came at once: the share is of the last sixteen, roughly.
enum { all_short = 65536, half_short = all_short / 2, weight = 16 };

struct turn {
    int epoll;
    void *context;
    creactor_dispatch dispatch;
    void (*release)(void *);
    /// Nanoseconds for which the loop stays awake for an answer; 0: never.
    uint64_t awake;
    int short_answers;
    /// Since the last wait something was asked whose answer may come at once.
    int expects_answer;
    /// Of `events`, those of ours that have not been handed over.
    int waiting;
    /// A hand-over is due before the next wait, of no events if there are none.
    int is_due;
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

long creactor_receive(int descriptor, void *bytes, unsigned long count) {
    return syscall(SYS_recvfrom, descriptor, bytes, count, 0, NULL, NULL);
}

long creactor_send(int descriptor, const void *bytes, unsigned long count, int flags) {
    return syscall(SYS_sendto, descriptor, bytes, count, flags, NULL, 0);
}

int creactor_accept(int listening, void *address, unsigned int *size) {
    *size = sizeof(struct sockaddr_storage);
    return accept4(listening, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static uint64_t clock_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t creactor_time(void) {
    if (turn_time != 0) return turn_time;
    uint64_t now = clock_now();
    if (attached != NULL) turn_time = now;
    return now;
}

void creactor_busy_poll(uint64_t nanoseconds) {
    if (attached != NULL) attached->awake = nanoseconds;
}

uint64_t creactor_expect_answer(void) {
    if (attached == NULL || attached->awake == 0) return 0;
    attached->expects_answer = 1;
    return clock_now();
}

int creactor_stays_awake(void) { return attached != NULL && attached->awake > 0 && attached->short_answers >= half_short; }

void creactor_answer_came(uint64_t asked) {
    struct turn *turn = attached;
    if (turn == NULL || asked == 0) return;
    // The time of one that slept has its waking in it.
    uint64_t bound = creactor_stays_awake() ? turn->awake : 2 * turn->awake;
    turn->short_answers += ((creactor_time() - asked < bound ? all_short : 0) - turn->short_answers) / weight;
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
    turn->short_answers = all_short;
    attached = turn;
    return 0;
}

void creactor_call_before_wait(void) {
    if (attached != NULL) attached->is_due = 1;
}

static void hand_over(struct turn *turn) {
    int count = turn->waiting;
    turn->waiting = 0;
    turn->dispatch(turn->context, turn->events, count);
    turn->is_due = 0;
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

static int poll_events(struct turn *turn, int timeout) { return epoll_pwait(turn->epoll, turn->events, most, timeout, NULL); }

// A processor that goes to sleep takes longer to wake than a near runtime takes to answer, in a virtual machine above all. So the loop stays awake for
// a moment, as long as that pays: as soon as fewer than half of the answers come within it, it sleeps at once, and sees by how long those take when to begin
// again. By answers, not by waits: with many streams the next event of some other one always comes soon.
static int wait_for_answer(struct turn *turn, int timeout) {
    uint64_t began = clock_now();
    do {
        int count = poll_events(turn, 0);
        if (count != 0) return count;
    } while (clock_now() - began < turn->awake);
    return poll_events(turn, timeout);
}

static int wait_for_events(struct turn *turn, int timeout) {
    int expects_answer = turn->expects_answer;
    turn->expects_answer = 0;
    return expects_answer && timeout != 0 && creactor_stays_awake() ? wait_for_answer(turn, timeout) : poll_events(turn, timeout);
}

int epoll_wait(int epoll, struct epoll_event *others, int capacity, int timeout) {
    last_epoll = epoll;
    struct turn *turn = attached;
    if (turn == NULL || turn->epoll != epoll) return epoll_pwait(epoll, others, capacity, timeout, NULL);
    if (turn->waiting > 0 || turn->is_due) {
        hand_over(turn);
        // It may have left the loop something to do.
        timeout = 0;
    }
    int count = wait_for_events(turn, timeout);
    turn_time = 0;
    if (count <= 0) return count;
    int found = sort_events(turn, count, others, capacity);
    // The library must see its events before anything changes what they are about: where it has some, ours follow on its next call.
    if (found == 0) hand_over(turn);
    return found;
}
