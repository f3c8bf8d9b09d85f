#ifndef PLIMSOLL_CREACTOR_H
#define PLIMSOLL_CREACTOR_H

#include <stdint.h>
#include <sys/epoll.h>

/// Accepts one connection, which does not block and is closed in programs that this one starts. `address` has room for any kind of address; `size`
/// is set to what was written there. Returns the descriptor, or -1 with errno.
int creactor_accept(int listening, void *address, unsigned int *size);

/// `recv` and `send` without flags of glibc's that a thread can be cancelled in them: those two atomic operations a call are for nobody here.
long creactor_receive(int descriptor, void *bytes, unsigned long count);
long creactor_send(int descriptor, const void *bytes, unsigned long count, int flags);

/// Nanoseconds of the monotonic clock as of the first time that they were asked for since this thread's loop waited last; of now where nothing is
/// attached.
uint64_t creactor_time(void);

/// Takes events of our descriptors, on the thread that waits for them.
typedef void (*creactor_dispatch)(void *context, const struct epoll_event *events, int count);

/// The epoll descriptor that this thread waited on last; -1: none yet.
int creactor_epoll(void);

/// What was attached to this thread, or NULL.
void *creactor_context(void);

/// From now on events of this thread's epoll descriptor whose data has bit 31 set go to `dispatch`; `release` is called when the thread
/// ends. Returns 0, or -1 when there is no memory or nothing to attach to.
int creactor_attach(void *context, creactor_dispatch dispatch, void (*release)(void *context));

/// `dispatch` is called before this thread's loop waits next, with no events if none have come.
void creactor_call_before_wait(void);

/// From now on this thread's loop stays awake for so long, at most, after `creactor_expect_answer`, if that has paid of late. 0: never.
void creactor_busy_poll(uint64_t nanoseconds);

/// The next wait is for an answer that may come at once. Returns the moment for `creactor_answer_came`; 0: the loop never stays awake.
uint64_t creactor_expect_answer(void);

/// What was asked at that moment is answered.
void creactor_answer_came(uint64_t asked);

/// Whether the next wait for an answer is without sleep: at least half of the last ones came at once.
int creactor_stays_awake(void);

#endif
